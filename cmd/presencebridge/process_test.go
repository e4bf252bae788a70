package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/demo"
	"jtel.de/presencebridge/internal/graphsim"
)

// process is `presencebridge serve` as an operator runs it, against a simulated tenant.
type process struct {
	t           *testing.T
	sim         *graphsim.Simulator
	dir, file   string
	admin, nats string
	env         []string // more than ours
	cmd         *exec.Cmd
	log         lines
}

func newProcess(t *testing.T, people int) *process {
	t.Helper()
	dir := t.TempDir()
	site, err := demo.NewSite(dir)
	if err != nil {
		t.Fatal(err)
	}
	// Retries come ten times as fast as Microsoft's.
	p := &process{t: t, dir: dir, sim: graphsim.New(graphsim.Options{Roots: site.Roots, People: people, Speed: 10}),
		admin: freeAddress(t), nats: freeAddress(t)}
	if err := p.sim.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.sim.Close)
	p.file, err = site.Write(p.sim, demo.Addresses{Callback: freeAddress(t), Admin: p.admin, NATS: p.nats})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.end(syscall.SIGKILL) })
	return p
}

func (p *process) start() {
	p.t.Helper()
	p.cmd = command(p.env, "serve", "--config", p.file)
	p.cmd.Stderr = &p.log
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
}

// end sends a signal and waits for the end; the error is that of the process.
func (p *process) end(s syscall.Signal) error {
	if p.cmd == nil {
		return nil
	}
	cmd := p.cmd
	p.cmd = nil
	if err := cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Error(err)
	}
	return cmd.Wait()
}

func (p *process) ready() bool {
	res, err := http.Get("http://" + p.admin + "/readyz")
	if err != nil {
		return false
	}
	res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// told are the activities of each person that the stream tells of, and the ids
// of the events, by how often.
func (p *process) told() map[string]int {
	nc, err := nats.Connect("nats://" + p.nats)
	if err != nil {
		return nil
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		p.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, err := js.CreateConsumer(ctx, events.Stream, jetstream.ConsumerConfig{AckPolicy: jetstream.AckNonePolicy, FilterSubject: events.UserSubjects, MemoryStorage: true})
	if err != nil {
		return nil
	}
	all := map[string]int{}
	for left := c.CachedInfo().NumPending; left > 0; {
		batch, err := c.FetchNoWait(500)
		if err != nil {
			return nil
		}
		for m := range batch.Messages() {
			e, err := events.Decode[events.UserData](m.Data())
			if err != nil {
				p.t.Fatal(err)
			}
			all[e.Data.User.ID+" "+e.Data.Activity]++
			all["id "+e.ID]++
			meta, err := m.Metadata()
			if err != nil {
				p.t.Fatal(err)
			}
			left = meta.NumPending
		}
		if batch.Error() != nil {
			return nil
		}
	}
	return all
}

func (p *process) eventually(what string, ok func() bool) {
	p.t.Helper()
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	p.t.Fatalf("no %s in time; the log:\n%s", what, p.log.String())
}

// However it is stopped under load: after the next start every change is on the
// stream, also those that nobody could take meanwhile.
func TestAStopUnderLoadLosesNothing(t *testing.T) {
	p := newProcess(t, 20)
	users := p.sim.Tenant().Users
	var set []string
	change := func(n int) {
		for range n {
			who, activity := users[len(set)%len(users)].ID, fmt.Sprintf("Load%d", len(set))
			p.sim.SetPresence(who, "Busy", activity)
			set = append(set, who+" "+activity)
		}
	}
	p.start()
	p.eventually("readiness", p.ready)
	p.eventually("subscription", func() bool { return len(p.sim.Subscriptions()) == 1 })
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL, syscall.SIGTERM} {
		change(100)
		p.eventually("delivery", func() bool { return p.sim.Pending() < 80 })
		err := p.end(s)
		if s == syscall.SIGTERM && err != nil {
			t.Errorf("after SIGTERM it ended with %v; the log:\n%s", err, p.log.String())
		}
		change(20)
		p.start()
		p.eventually("readiness", p.ready)
	}
	p.eventually("every change", func() bool {
		told := p.told()
		for _, want := range set {
			if told[want] == 0 {
				return false
			}
		}
		return true
	})
	for what, n := range p.told() {
		if n > 1 && strings.HasPrefix(what, "id ") {
			t.Errorf("event %s is on the stream %d times", what, n)
		}
	}
	if err := p.end(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if log := p.log.String(); !strings.Contains(log, "msg=stopping") || !strings.Contains(log, "msg=stopped") {
		t.Error("the log does not tell of the stop")
	}
}

// What keeps it from starting is said with what to do, and the exit code is 1.
func TestAStartThatFailsSaysWhatToDo(t *testing.T) {
	p := newProcess(t, 2)
	p.start()
	p.eventually("readiness", p.ready)
	if err := p.end(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(p.dir, "data")
	taken := func(address string) func() func() {
		return func() func() {
			l, err := net.Listen("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			return func() { l.Close() }
		}
	}
	// spoil overwrites files until the end of a case.
	spoil := func(pattern string) func() func() {
		return func() func() {
			names, err := filepath.Glob(filepath.Join(data, pattern))
			if err != nil || len(names) == 0 {
				t.Fatal(pattern, err)
			}
			kept, err := os.ReadFile(names[0])
			if err == nil {
				err = os.WriteFile(names[0], []byte("spoilt"), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			return func() {
				if err := os.WriteFile(names[0], kept, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for name, c := range map[string]struct {
		arrange func() (mend func())
		want    []string
	}{
		"a taken port of the operators' side": {taken(p.admin), []string{"listen.admin", "address already in use", "stop what uses that address, or change listen.admin"}},
		"a taken port of NATS":                {taken(p.nats), []string{"is taken; change nats.embedded.listen or stop the other process"}},
		"a corrupt store":                     {spoil("nats/jetstream/$G/streams/PRESENCE/meta.inf"), []string{"stream PRESENCE in", "is damaged; restore it from a backup, or move it away"}},
		"a corrupt vault":                     {spoil("sealed/*.age"), []string{"the sealed state is damaged", "restore it from a backup"}},
		"another seal key":                    {spoil("seal.key"), []string{"seal"}},
	} {
		t.Run(name, func(t *testing.T) {
			mend := c.arrange()
			defer mend()
			out, err := exec.Command("presencebridge", "serve", "--config", p.file).CombinedOutput()
			if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != exitFailed {
				t.Errorf("ended with %v", err)
			}
			last := bytes.TrimSpace(out)
			last = last[bytes.LastIndexByte(last, '\n')+1:]
			for _, want := range c.want {
				if !bytes.Contains(last, []byte(want)) {
					t.Errorf("the last line does not say %q:\n%s", want, last)
				}
			}
		})
	}
	p.start()
	p.eventually("readiness after all that", p.ready)
}

// lines is output that can be read while it is written.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
