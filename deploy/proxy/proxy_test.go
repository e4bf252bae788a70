//go:build proxies

// Package proxy_test tries the examples with the real programs: a simulated
// Microsoft Graph reaches a real bridge through each of them. It needs nginx,
// caddy and haproxy, hence the build tag; scripts/check gets them and sets it.
package proxy_test

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/app"
	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/demo"
	"jtel.de/presencebridge/internal/graphsim"
)

// example is a file of this directory and how its program takes it.
type example struct {
	file    string
	program string
	args    []string // {file} and {dir} stand for what the test made
	replace []string // old, new; {port}, {inner}, {admin}, {dir} stand for what the test made
}

var examples = []example{
	{"nginx.conf", "nginx", []string{"-c", "{file}", "-p", "{dir}", "-e", "stderr", "-g", "daemon off; pid {dir}/nginx.pid;"}, []string{
		"listen 443 ssl", "listen 127.0.0.1:{port} ssl",
		"/etc/presencebridge/tls/fullchain.pem", "{dir}/callback.pem", "/etc/presencebridge/tls/privkey.pem", "{dir}/callback-key.pem",
		"server 127.0.0.1:8443", "server {inner}",
		// Where Debian's build wants to write, which takes root.
		"http {\n", "http {\n    access_log off;\n    client_body_temp_path {dir}/body;\n    proxy_temp_path {dir}/proxy;\n    fastcgi_temp_path {dir}/f;\n    uwsgi_temp_path {dir}/u;\n    scgi_temp_path {dir}/s;\n",
	}},
	{"Caddyfile", "caddy", []string{"run", "--config", "{file}", "--adapter", "caddyfile"}, []string{
		"presence.example.com {\n", "{\n\tadmin off\n\tauto_https off\n}\nhttps://127.0.0.1:{port} {\n\tbind 127.0.0.1\n\ttls {dir}/callback.pem {dir}/callback-key.pem\n",
		"reverse_proxy 127.0.0.1:8443", "reverse_proxy {inner}",
	}},
	{"haproxy.cfg", "haproxy", []string{"-db", "-f", "{file}"}, []string{
		"bind :443", "bind 127.0.0.1:{port}", "/etc/presencebridge/tls/haproxy.pem", "{dir}/both.pem",
		"server bridge 127.0.0.1:8443 check port 9090", "server bridge {inner} check port {admin}",
	}},
}

func TestExamples(t *testing.T) {
	for _, e := range examples {
		t.Run(e.program, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.serve()
			s.run(e)
			s.eventually("a subscription", func() bool { return len(s.sim.Subscriptions()) == 1 })
			s.eventually("the states", func() bool { return len(s.states()) == 3 })
			who := s.sim.Tenant().Users[0].ID
			s.eventually("a change by notification", func() bool {
				s.sim.SetPresence(who, "Busy", "InACall")
				s.sim.SetPresence(who, "Away", "Away")
				return s.states()[who].Data.Origin == events.OriginNotification
			})
			s.strangers()
		})
	}
}

// With several bridges behind nginx or HAProxy, one that is gone costs no request.
func TestABridgeThatIsGoneIsPassedOver(t *testing.T) {
	gone := freeAddress(t)
	for _, e := range examples {
		another := map[string][2]string{
			"nginx":   {"server {inner}", "server " + gone + ";\n        server {inner}"},
			"haproxy": {"server bridge {inner}", "server gone " + gone + " check port {admin}\n    server bridge {inner}"},
		}[e.program]
		if another[0] == "" { // Debian's Caddy does not send a body twice
			continue
		}
		t.Run(e.program, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			for _, address := range []string{s.inner, s.admin} {
				on, err := net.Listen("tcp", address)
				if err != nil {
					t.Fatal(err)
				}
				server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
				server.Listener.Close()
				server.Listener = on
				server.Start()
				t.Cleanup(server.Close)
			}
			e.replace = slices.Clone(e.replace)
			for i := range e.replace {
				e.replace[i] = strings.Replace(e.replace[i], another[0], another[1], 1)
			}
			s.run(e)
			transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
			defer transport.CloseIdleConnections()
			client := &http.Client{Transport: transport, Timeout: 10 * time.Second}
			status := ""
			s.eventually("answer", func() bool {
				res, err := client.Post("https://"+s.public+"/graph/notifications", "application/json", strings.NewReader("{}"))
				if err == nil {
					status = res.Status
					res.Body.Close()
				}
				return err == nil
			})
			if status != "200 OK" {
				t.Errorf("the first answer is %s", status)
			}
		})
	}
}

// site is a simulated tenant and a bridge behind a proxy.
type site struct {
	t                         *testing.T
	sim                       *graphsim.Simulator
	dir, file                 string
	public, inner, admin, bus string
	log                       lines
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), public: freeAddress(t), inner: freeAddress(t), admin: freeAddress(t), bus: freeAddress(t)}
	d, err := demo.NewSite(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	s.sim = graphsim.New(graphsim.Options{Roots: d.Roots, People: 3, Speed: 10})
	if err := s.sim.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.sim.Close)
	if s.file, err = d.Write(s.sim, demo.Addresses{Callback: s.public, Admin: s.admin, NATS: s.bus}); err != nil {
		t.Fatal(err)
	}
	both := append(s.read("callback.pem"), s.read("callback-key.pem")...)
	if err := os.WriteFile(filepath.Join(s.dir, "both.pem"), both, 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *site) read(name string) []byte {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		s.t.Fatal(err)
	}
	return text
}

// serve runs the bridge as the examples say that it is configured.
func (s *site) serve() {
	s.t.Helper()
	c, err := config.Load(s.file, []string{
		"PRESENCEBRIDGE_TLS__MODE=off", "PRESENCEBRIDGE_LISTEN__CALLBACK=" + s.inner, "PRESENCEBRIDGE_LISTEN__TRUSTED_PROXIES=127.0.0.1",
	})
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended, started := make(chan error, 1), make(chan app.Addresses, 1)
	go func() {
		ended <- app.Run(ctx, app.Options{Config: c, Version: "test", Log: slog.New(slog.NewTextHandler(&s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
			Started: func(a app.Addresses) { started <- a }})
	}()
	select {
	case <-started:
	case err := <-ended:
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			s.t.Error(err)
		}
	})
}

// run starts the program with the example, moved to where the test may listen.
func (s *site) run(e example) {
	s.t.Helper()
	text, err := os.ReadFile(e.file)
	if err != nil {
		s.t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(s.public)
	_, admin, _ := net.SplitHostPort(s.admin)
	file := filepath.Join(s.dir, e.file)
	made := strings.NewReplacer("{port}", port, "{admin}", admin, "{inner}", s.inner, "{dir}", s.dir, "{file}", file)
	config := string(text)
	for i := 0; i < len(e.replace); i += 2 {
		if !strings.Contains(config, e.replace[i]) {
			s.t.Fatalf("%s does not hold %q", e.file, e.replace[i])
		}
		config = strings.ReplaceAll(config, e.replace[i], made.Replace(e.replace[i+1]))
	}
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.Command(e.program)
	for _, a := range e.args {
		cmd.Args = append(cmd.Args, made.Replace(a))
	}
	var out lines
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.Env = append(os.Environ(), "HOME="+s.dir)
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		err := cmd.Wait()
		if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || exit.Exited() && exit.ExitCode() != 143) {
			s.t.Logf("%s ended with %v", e.program, err)
		}
		if s.t.Failed() {
			s.t.Log(out.String())
		}
	})
}

// strangers get nothing but the two routes, and may not say who they are.
func (s *site) strangers() {
	s.t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		DialContext: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}).DialContext}
	client := &http.Client{Transport: transport, Timeout: 10 * time.Second}
	defer transport.CloseIdleConnections()
	for _, path := range []string{"/", "/metrics", "/healthz", "/graph/other"} {
		res, err := client.Get("https://" + s.public + path)
		if err != nil {
			s.t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusNotFound {
			s.t.Errorf("%s: %s", path, res.Status)
		}
	}
	req, err := http.NewRequest(http.MethodPost, "https://"+s.public+"/graph/notifications?validationToken=a%2Bb%20c", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("X-Forwarded-For", "203.0.113.9")
	res, err := client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	var token [16]byte
	n, _ := res.Body.Read(token[:])
	if got := string(token[:n]); res.StatusCode != http.StatusOK || got != "a+b c" {
		s.t.Errorf("the validation got %s %q", res.Status, got)
	}
	s.eventually("the line of the log", func() bool { return strings.Contains(s.log.String(), "remote_ip=127.0.0.2") })
	if strings.Contains(s.log.String(), "203.0.113.9") {
		s.t.Error("a stranger chose the address in the log")
	}
}

func (s *site) states() map[string]events.UserEvent {
	nc, err := nats.Connect("nats://" + s.bus)
	if err != nil {
		return nil
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	all := map[string]events.UserEvent{}
	for e, err := range events.Snapshot(ctx, js) {
		if err != nil {
			return nil
		}
		all[e.Data.User.ID] = e
	}
	return all
}

func (s *site) eventually(what string, ok func() bool) {
	s.t.Helper()
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if ok() {
			return
		}
	}
	s.t.Fatalf("no %s in time; the log:\n%s", what, s.log.String())
}

func freeAddress(t *testing.T) string {
	t.Helper()
	address, err := graphsim.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// lines is output that can be read while it is written.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
