package app_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/graphsim"
)

// balancer is what stands in front of several instances: it gives them requests
// in turn.
type balancer struct {
	mu   sync.Mutex
	to   []string // addresses of callback sides
	next int
}

func (l *balancer) set(to ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.to = to
}

func (l *balancer) turn() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.to) == 0 {
		return ""
	}
	l.next++
	return l.to[l.next%len(l.to)]
}

// balance serves address with the certificate beside the configuration file.
func balance(t *testing.T, address, file string) *balancer {
	t.Helper()
	l := &balancer{}
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} // loopback, and the certificate is the balancer's
	server := &http.Server{Addr: address, ErrorLog: log.New(io.Discard, "", 0), Handler: &httputil.ReverseProxy{
		Transport: transport, ErrorLog: log.New(io.Discard, "", 0),
		Rewrite: func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host = "https", l.turn() },
	}}
	dir := filepath.Dir(file)
	var serving sync.WaitGroup
	serving.Go(func() {
		_ = server.ListenAndServeTLS(filepath.Join(dir, "callback.pem"), filepath.Join(dir, "callback-key.pem"))
	})
	t.Cleanup(func() {
		_ = server.Close()
		transport.CloseIdleConnections()
		serving.Wait()
	})
	return l
}

// fleet are instances on one NATS server behind one address.
type fleet struct {
	*bridge  // to ask the simulator and NATS
	all      []*bridge
	balancer *balancer
	central  string // where events are forwarded to
}

func newFleet(t *testing.T, n int) *fleet {
	f := &fleet{bridge: newBridge(t, graphsim.Options{}, nil)}
	url, key := natsServer(t), filepath.Join(t.TempDir(), "seal.key")
	f.addresses.NATS = url
	f.balancer = balance(t, f.callback, f.file)
	f.central = natsServer(t)
	for range n {
		data := t.TempDir()
		f.all = append(f.all, &bridge{t: t, sim: f.sim, file: f.file, log: &lines{}, change: func(c *config.Config) {
			c.NATS.URL, c.SealKeyFile, c.DataDir, c.Listen.Callback = url, key, data, "127.0.0.1:0"
			c.NATS.Forward.URL = f.central
		}})
	}
	return f
}

// begin starts an instance and gives it its share of the requests.
func (f *fleet) begin(i int) {
	f.t.Helper()
	f.all[i].start(false)
	f.all[i].addresses.NATS = f.addresses.NATS
	f.share()
}

func (f *fleet) share() {
	var to []string
	for _, b := range f.all {
		if b.stop != nil {
			to = append(to, b.addresses.Callback)
		}
	}
	f.balancer.set(to...)
}

// end stops an instance that gets no requests any more.
func (f *fleet) end(i int) {
	f.t.Helper()
	var to []string
	for j, b := range f.all {
		if j != i && b.stop != nil {
			to = append(to, b.addresses.Callback)
		}
	}
	f.balancer.set(to...)
	f.all[i].halt()
}

func (b *bridge) holds() bool {
	_, body := b.admin("/metrics")
	return strings.Contains(body, `presencebridge_lease_held{tenant="simulated"} 1`)
}

func (b *bridge) took() bool {
	_, body := b.admin("/metrics")
	return strings.Contains(body, `presencebridge_callback_requests_total{cause="",kind="notifications",status="202"}`)
}

// holder waits until exactly one acts, and gives it and another one.
func (f *fleet) holder() (holder, other int) {
	f.t.Helper()
	holder, other = -1, -1
	f.all[0].eventually("instance that acts", func() bool {
		held := 0
		for i, b := range f.all {
			switch {
			case b.stop == nil:
			case b.holds():
				holder, held = i, held+1
			default:
				other = i
			}
		}
		return held == 1
	})
	return holder, other
}

func renewals(r graphsim.Request) bool {
	return r.Kind == graphsim.KindGraph && r.Method == http.MethodPatch && r.Status < 300
}

func deletes(r graphsim.Request) bool {
	return r.Kind == graphsim.KindGraph && r.Method == http.MethodDelete
}

// Two instances take what Graph sends in turn; one of them keeps the
// subscription, is asked through either, and hands over when it stops.
func TestInstancesShareATenant(t *testing.T) {
	f := newFleet(t, 2)
	f.begin(0)
	f.begin(1)
	f.covered()
	holder, other := f.holder()
	f.all[holder].settled()

	// There and back again: neither knows all of it by itself.
	for i := range 12 {
		who := f.user(i % 2)
		state := []string{"Busy", "Away", "DoNotDisturb"}[i/2%3]
		f.set(who, state, state)
		f.eventually(fmt.Sprint("agreement after change ", i), f.agrees)
	}
	for i, b := range f.all {
		if !b.took() {
			t.Errorf("instance %d took nothing", i)
		}
	}

	var list struct {
		Subscriptions []struct{ ID, State, Trouble string }
	}
	f.all[other].eventually("list at the other instance", func() bool {
		list.Subscriptions = nil
		f.all[other].api("GET", "/api/v1/subscriptions", "", &list)
		return len(list.Subscriptions) == 1 && list.Subscriptions[0].ID != ""
	})
	var coverage struct {
		Tenants []struct{ People struct{ Push int } }
	}
	f.all[other].eventually("coverage at the other instance", func() bool {
		f.all[other].api("GET", "/api/v1/coverage", "", &coverage)
		return len(coverage.Tenants) == 1 && coverage.Tenants[0].People.Push == len(f.sim.Tenant().Users)
	})
	before := f.requests(renewals)
	var asked struct{ Asked string }
	if status := f.all[other].api("POST", "/api/v1/subscriptions/"+list.Subscriptions[0].ID+"/renew", "", &asked); status != http.StatusAccepted {
		t.Errorf("renew through the other instance: %d", status)
	}
	f.eventually("renewal", func() bool { return f.requests(renewals) > before })

	// It stops: the other one goes on with what there is.
	f.end(holder)
	if now, _ := f.holder(); now != other {
		t.Fatalf("instance %d acts", now)
	}
	f.set(f.user(3), "BeRightBack", "BeRightBack")
	f.eventually("agreement after the hand-over", f.agrees)
	f.all[other].eventually("subscription at the other one", func() bool {
		list.Subscriptions = nil
		f.all[other].api("GET", "/api/v1/subscriptions", "", &list)
		return len(list.Subscriptions) == 1 && list.Subscriptions[0].State == "healthy"
	})

	// And back.
	f.begin(holder)
	f.end(other)
	if now, _ := f.holder(); now != holder {
		t.Fatalf("instance %d acts", now)
	}
	f.set(f.user(4), "BeRightBack", "BeRightBack")
	f.eventually("agreement after coming back", f.agrees)
	if n := f.requests(creates); n != 1 || f.requests(deletes) != 0 || len(f.sim.Subscriptions()) != 1 {
		t.Errorf("%d creates, %d deletes, now %s", n, f.requests(deletes), pretty(f.sim.Subscriptions()))
	}
	seen := map[string]bool{}
	for _, e := range f.history() {
		if seen[e.ID] {
			t.Errorf("event %s is on the stream twice", e.ID)
		}
		seen[e.ID] = true
	}
	// Whoever acted, everything was forwarded, in order and once.
	ids := func(list []events.UserEvent) (all string) {
		for _, e := range list {
			all += e.ID + " "
		}
		return all
	}
	central := connect(t, f.central)
	f.all[holder].eventually("everything at the central server", func() bool { return ids(streamOf(t, central)) == ids(f.history()) })
}
