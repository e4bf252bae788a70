//go:build node

// Package consumers_test runs the consumers in other languages against a real
// server. It needs Node and npm, hence the build tag; scripts/check sets it.
package consumers_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/broker"
)

const (
	tenant = "84bd8158-6d4d-4958-8b9f-9d6445542f95"
	agent1 = "b36a4df4-9d72-4b1e-a7f6-97c6e9a6f0a1"
)

// TestNode installs the consumer as a reader would, and demands every event in
// order over a restart, what is no event passed over, and who left.
func TestNode(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "node")
	copyTree(t, "node", dir)
	install := exec.CommandContext(t.Context(), "npm", "ci", "--no-audit", "--no-fund")
	install.Dir = dir
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	server, err := broker.Start(broker.Options{Dir: t.TempDir(), Listen: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	p := bridge(t, server)

	publish(t, p, "Busy", "1")
	node := start(t, dir, server.URL())
	node.want("agent1@contoso.com Busy")
	publish(t, p, "Away", "2")
	node.want("agent1@contoso.com Away")
	node.stop()

	publish(t, p, "Offline", "3")
	subject, err := events.UserSubject(tenant, agent1)
	if err != nil {
		t.Fatal(err)
	}
	if acks := p.Publish(t.Context(), []events.Message{{Subject: subject, ID: "x", Data: []byte("{}")}}); acks[0].Err != nil {
		t.Fatal(acks[0].Err)
	}
	publish(t, p, "Available", "4")
	node = start(t, dir, server.URL())
	node.want("agent1@contoso.com Offline")
	node.want("agent1@contoso.com Available")
	if err := p.Purge(t.Context(), tenant, agent1); err != nil {
		t.Fatal(err)
	}
	node.want(agent1 + " left")
	node.stop()
}

// The lock file names no registry: it is the reader's own.
func TestLockFileNamesNoRegistry(t *testing.T) {
	lock, err := os.ReadFile("node/package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(lock), "resolved") || !strings.Contains(string(lock), "integrity") {
		t.Error("write it with the .npmrc that is there")
	}
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		if d.Name() == "node_modules" {
			return fs.SkipDir
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, relative), 0o700)
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, relative), text, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func bridge(t *testing.T, server *broker.Broker) *events.Publisher {
	t.Helper()
	nc, err := events.Connect(events.ConnectOptions{InProcess: server.InProcess(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if err := events.Setup(t.Context(), js, events.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	p, err := events.NewPublisher(nc, events.PublisherOptions{Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func publish(t *testing.T, p *events.Publisher, availability, id string) {
	t.Helper()
	at := time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)
	m, err := events.NewMessage(events.UserEvent{ID: id, Data: events.UserData{
		TenantID: tenant, Tenant: "contoso", User: events.User{ID: agent1, Mail: "agent1@contoso.com"},
		Availability: availability, Activity: availability,
		Origin: events.OriginNotification, ObservedAt: at, PublishedAt: at, Freshness: events.Fresh,
	}})
	if err != nil {
		t.Fatal(err)
	}
	if acks := p.Publish(t.Context(), []events.Message{m}); acks[0].Err != nil {
		t.Fatal(acks[0].Err)
	}
}

// process is a running consumer.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines *bufio.Scanner
}

func start(t *testing.T, dir, url string) *process {
	t.Helper()
	return startCommand(t, dir, url, "node", "consumer.mjs")
}

func startCommand(t *testing.T, dir, url, name string, args ...string) *process {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env, cmd.Stderr = dir, append(os.Environ(), "NATS_URL="+url), os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return &process{t, cmd, bufio.NewScanner(out)}
}

// want reads the next line.
func (p *process) want(want string) {
	p.t.Helper()
	if !p.lines.Scan() {
		p.t.Fatalf("ended before %s", want)
	}
	var line struct {
		User, Availability string
		Left               bool
	}
	if err := json.Unmarshal(p.lines.Bytes(), &line); err != nil {
		p.t.Fatalf("%s: %v", p.lines.Bytes(), err)
	}
	got := line.User + " " + line.Availability
	if line.Left {
		got = line.User + " left"
	}
	if got != want {
		p.t.Fatalf("got %s, want %s", got, want)
	}
}

// stop ends the consumer as an operator does.
func (p *process) stop() {
	p.t.Helper()
	if err := p.terminate(); err != nil {
		p.t.Errorf("ended with %v", err)
	}
}

// end does the same with one whose exit code is that of the signal, as Java's is.
func (p *process) end() {
	p.t.Helper()
	var exit *exec.ExitError
	if err := p.terminate(); err != nil && !(errors.As(err, &exit) && exit.ExitCode() == 128+int(syscall.SIGTERM)) {
		p.t.Errorf("ended with %v", err)
	}
}

func (p *process) terminate() error {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	return p.cmd.Wait()
}
