package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"jtel.de/presencebridge/internal/broker"
	"jtel.de/presencebridge/internal/demo"
	"jtel.de/presencebridge/internal/graphsim"
)

// instance is one of several processes for the same tenant.
type instance struct {
	*process
	callback string
}

// twoInstances are processes on one NATS server behind one address, which gives
// all requests to the one that is in front.
func twoInstances(t *testing.T) (both [2]*instance, front *atomic.Pointer[instance]) {
	t.Helper()
	server, err := broker.Start(broker.Options{Dir: t.TempDir(), Listen: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	dir, public := t.TempDir(), freeAddress(t)
	site, err := demo.NewSite(dir)
	if err != nil {
		t.Fatal(err)
	}
	sim := graphsim.New(graphsim.Options{Roots: site.Roots, People: 5, Speed: 10})
	if err := sim.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.Close)
	file, err := site.Write(sim, demo.Addresses{Callback: public, Admin: "127.0.0.1:0", NATS: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	front = inFront(t, public, dir)
	for i := range both {
		p := &process{t: t, sim: sim, dir: dir, file: file, admin: freeAddress(t), nats: strings.TrimPrefix(server.URL(), "nats://")}
		one := &instance{p, freeAddress(t)}
		for name, value := range map[string]string{
			"NATS__URL": server.URL(), "SEAL_KEY_FILE": filepath.Join(dir, "shared.key"), "DATA_DIR": filepath.Join(dir, fmt.Sprint("data", i)),
			"LISTEN__CALLBACK": one.callback, "LISTEN__ADMIN": p.admin,
		} {
			p.env = append(p.env, "PRESENCEBRIDGE_"+name+"="+value)
		}
		t.Cleanup(func() { p.end(syscall.SIGKILL) })
		both[i] = one
	}
	front.Store(both[0])
	return both, front
}

// inFront passes requests on to one instance at a time.
func inFront(t *testing.T, address, dir string) *atomic.Pointer[instance] {
	t.Helper()
	var front atomic.Pointer[instance]
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} // loopback
	quiet := log.New(io.Discard, "", 0)
	server := &http.Server{ErrorLog: quiet, Handler: &httputil.ReverseProxy{
		Transport: transport, ErrorLog: quiet,
		Rewrite: func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host = "https", front.Load().callback },
	}}
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		_ = server.ServeTLS(l, filepath.Join(dir, "callback.pem"), filepath.Join(dir, "callback-key.pem"))
	})
	t.Cleanup(func() {
		_ = server.Close()
		transport.CloseIdleConnections()
		serving.Wait()
	})
	return &front
}

func (i *instance) acts() bool {
	res, err := http.Get("http://" + i.admin + "/metrics")
	if err != nil {
		return false
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return err == nil && strings.Contains(string(body), `presencebridge_lease_held{tenant="simulated"} 1`)
}

// The instance that acts is stopped in its tracks, as a machine that hangs: the
// other one takes over with what there is, and the first, waking up late, does
// nothing that it may not do any more. Killed, it is followed likewise.
func TestAnInstanceThatHangs(t *testing.T) {
	both, front := twoInstances(t)
	one, two := both[0], both[1]
	users := one.sim.Tenant().Users
	n := 0
	change := func() {
		t.Helper()
		n++
		who, activity := users[n%len(users)].ID, fmt.Sprint("State", n)
		one.sim.SetPresence(who, "Busy", activity)
		one.eventually("change "+activity, func() bool { return one.told()[who+" "+activity] == 1 })
	}
	one.start()
	one.eventually("holder", one.acts)
	one.eventually("subscription", func() bool { return len(one.sim.Subscriptions()) == 1 })
	two.start()
	two.eventually("readiness", two.ready)
	change()

	hung := one.cmd.Process
	if err := hung.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	front.Store(two)
	change() // whoever acts, the receiver is there
	two.eventually("new holder", two.acts)
	two.eventually("adoption", func() bool { return strings.Contains(two.log.String(), "subscription adopted") })
	change()
	if err := hung.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	one.eventually("end of the first one's term", func() bool { return strings.Contains(one.log.String(), "another instance holds the lease") })
	if one.acts() || !two.acts() {
		t.Error("the first one acts again")
	}
	front.Store(one)
	change()

	two.end(syscall.SIGKILL)
	one.eventually("holder after the kill", one.acts)
	change()
	created, deleted := 0, 0
	for _, r := range one.sim.History() {
		if r.Kind != graphsim.KindGraph || !strings.Contains(r.Path, "/subscriptions") {
			continue
		}
		switch r.Method {
		case http.MethodPost:
			created++
		case http.MethodDelete:
			deleted++
		}
	}
	if created != 1 || deleted != 0 || len(one.sim.Subscriptions()) != 1 {
		t.Errorf("%d subscriptions were to be created, %d deleted, %d are left", created, deleted, len(one.sim.Subscriptions()))
	}
}

// command is the service with an environment of its own.
func command(env []string, args ...string) *exec.Cmd {
	cmd := exec.Command("presencebridge", args...)
	cmd.Env = append(os.Environ(), env...)
	return cmd
}
