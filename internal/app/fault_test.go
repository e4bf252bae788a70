package app_test

import (
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"jtel.de/presencebridge/internal/broker"
	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/graphsim"
)

// externalNATS is a server of its own that a test can stop and start.
type externalNATS struct {
	t       *testing.T
	dir     string
	address string
	server  *broker.Broker
}

func newExternalNATS(t *testing.T) *externalNATS {
	n := &externalNATS{t: t, dir: t.TempDir(), address: freeAddress(t)}
	n.start()
	t.Cleanup(func() { n.server.Close() })
	return n
}

func (n *externalNATS) start() {
	n.t.Helper()
	server, err := broker.Start(broker.Options{Dir: n.dir, Listen: n.address, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		n.t.Fatal(err)
	}
	n.server = server
}

func (n *externalNATS) url() string { return "nats://" + n.address }

// use makes a bridge publish to this server.
func (n *externalNATS) use(b *bridge) {
	change := b.change
	b.change = func(c *config.Config) {
		c.NATS.URL = n.url()
		if change != nil {
			change(c)
		}
	}
}

// count gives how often the stream tells this state of a person.
func (b *bridge) count(userID, activity string) int {
	n := 0
	for _, e := range b.history() {
		if e.Data.User.ID == userID && e.Data.Activity == activity {
			n++
		}
	}
	return n
}

// has reports whether the stream has this state of a person.
func (b *bridge) has(userID, activity string) bool { return b.count(userID, activity) > 0 }

// While it is not known whom to watch, nothing may be answered 202 and dropped.
func TestChangesWhileTheDirectoryIsAwayAreNotLost(t *testing.T) {
	b := newBridge(t, graphsim.Options{Speed: 10}, nil)
	b.start(false)
	b.covered()
	b.halt()
	b.sim.SetFaults(graphsim.Faults{Refuse: []graphsim.Refusal{{Method: http.MethodGet, Path: "/users", Status: http.StatusServiceUnavailable}}})
	b.start(false)
	b.eventually("reason in readyz", func() bool { _, body := b.admin("/readyz"); return strings.Contains(body, "people of simulated") })

	b.set(b.user(0), "Busy", "InACall")
	refused := func(r graphsim.Request) bool {
		return r.Kind == graphsim.KindDelivery && r.Status == http.StatusServiceUnavailable
	}
	b.eventually("503", func() bool { return b.requests(refused) > 0 })
	b.set(b.user(0), "Away", "Away") // a read alone would only find this
	b.sim.SetFaults(graphsim.Faults{})
	b.eventually("the change that came meanwhile", func() bool { return b.has(b.user(0), "InACall") && b.has(b.user(0), "Away") })
}

func TestAMessageThatIsNoEventDoesNotKeepUsDown(t *testing.T) {
	b := newBridge(t, graphsim.Options{}, nil)
	b.start(false)
	b.covered()
	nc, err := nats.Connect(b.addresses.NATS)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	for _, subject := range []string{"presence.v1.user.x.y", "presence.v1.directory.x.y"} {
		if _, err := nc.Request(subject, []byte("hello"), 5*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	b.halt()
	b.start(false)
	b.set(b.user(0), "Busy", "InACall")
	b.eventually("agreement", b.agrees)
	if !strings.Contains(b.log.all(), "messages that are no events were passed over") {
		t.Error("the log does not say so")
	}
}

func TestTwoBridgesShareANATSServer(t *testing.T) {
	server := newExternalNATS(t)
	one, two := newBridge(t, graphsim.Options{Seed: 1}, nil), newBridge(t, graphsim.Options{Seed: 2}, nil)
	for _, b := range []*bridge{one, two} {
		server.use(b)
		b.start(false)
		b.addresses.NATS = server.url()
		b.covered()
	}
	two.set(two.user(0), "Busy", "InACall")
	two.eventually("agreement", two.agrees)
	if n := len(one.states()); n != len(one.sim.Tenant().Users) {
		t.Errorf("%d people of the other bridge are left", n)
	}
}

// A server that comes back without its store gets everything again.
func TestABusThatForgotIsToldAgain(t *testing.T) {
	server := newExternalNATS(t)
	b := newBridge(t, graphsim.Options{Speed: 10}, nil)
	server.use(b)
	b.start(false)
	b.addresses.NATS = server.url()
	b.covered()

	server.server.Close()
	b.eventually("notice of the outage", func() bool { status, _ := b.admin("/readyz"); return status == http.StatusServiceUnavailable })
	if err := os.RemoveAll(server.dir); err != nil {
		t.Fatal(err)
	}
	server.start()
	b.eventually("everybody's state", b.agrees)
	b.set(b.user(0), "Busy", "InACall")
	b.eventually("agreement", b.agrees)
}

// People change with the file, without a restart; mistakes in it change nothing.
func TestAChangedFileCounts(t *testing.T) {
	b := newBridge(t, graphsim.Options{}, nil)
	b.start(false)
	b.covered()
	leaver := b.sim.Tenant().Users[0]
	text, err := os.ReadFile(b.file)
	if err != nil {
		t.Fatal(err)
	}
	write := func(content string) {
		if err := os.WriteFile(b.file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(string(text) + "colour: red\n")
	b.reload <- nil
	b.eventually("refusal", func() bool { return strings.Contains(b.log.all(), "colour: unknown key") })

	write(strings.Replace(string(text), "exclude: [", "exclude: ["+leaver.UserPrincipalName+", ", 1))
	b.eventually("purge without a signal", func() bool { _, there := b.states()[leaver.ID]; return !there })
	if strings.Contains(b.log.all(), "only after a restart") {
		t.Error("a change of people is said to need a restart")
	}

	write(strings.Replace(string(text), "mode: files", "mode: files", 1) + "events: {history: 2h}\n")
	b.reload <- nil
	b.eventually("word about the restart", func() bool { return strings.Contains(b.log.all(), "only after a restart") })
	b.eventually("the return of who was left out", b.agrees)
}

// What changes between the first read and the first subscription is not missed.
func TestChangesBeforeTheFirstSubscriptionAreFound(t *testing.T) {
	b := newBridge(t, graphsim.Options{Faults: graphsim.Faults{Delay: 700 * time.Millisecond}}, nil)
	b.start(false)
	b.eventually("first states", func() bool { return len(b.states()) == len(b.sim.Tenant().Users) })
	b.set(b.user(0), "Busy", "InACall")
	b.eventually("agreement", b.agrees)
}

// A group that was renamed at Microsoft makes nobody leave.
func TestARenamedGroupMakesNobodyLeave(t *testing.T) {
	b := newBridge(t, graphsim.Options{}, func(c *config.Config) {
		c.Tenants[0].People = config.People{Groups: []string{"Agents"}, Refresh: time.Second}
	})
	group := graphsim.Group{DisplayName: "Agents"}
	for _, u := range b.sim.Tenant().Users {
		group.Members = append(group.Members, u.ID)
	}
	group.ID = b.sim.PutGroup(group)
	b.start(false)
	b.covered()
	group.DisplayName = "Contact centre"
	b.sim.PutGroup(group)
	b.eventually("word in the log", func() bool { return strings.Contains(b.log.all(), "level=ERROR") })
	if n := len(b.states()); n != len(group.Members) {
		t.Errorf("%d of %d people are left", n, len(group.Members))
	}
}
