package inquiry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nats.go/micro"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.uber.org/goleak"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/board"
	"jtel.de/presencebridge/internal/broker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction(broker.LeftBehind)) }

const (
	contoso  = "84bd8158-6d4d-4958-8b9f-9d6445542f95"
	fabrikam = "0f2d3c4b-5a69-4788-9697-a6b5c4d3e2f1"
)

func person(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012x", n) }

var at = time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)

func state(tenantID, tenant string, u events.User, availability, activity string) events.UserEvent {
	return events.UserEvent{ID: tenant + u.ID + availability, Data: events.UserData{
		TenantID: tenantID, Tenant: tenant, User: u, Availability: availability, Activity: activity,
		Origin: events.OriginSweep, ObservedAt: at, PublishedAt: at, Freshness: events.Fresh,
	}}
}

// site is a NATS server with the stream of some bridges on it.
type site struct {
	t      *testing.T
	server *broker.Broker
	nc     *nats.Conn // of whoever asks
	js     jetstream.JetStream
	*events.Publisher
}

func newSite(t *testing.T) *site {
	t.Helper()
	server, err := broker.Start(broker.Options{Dir: t.TempDir(), Listen: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	s := &site{t: t, server: server}
	s.nc, s.js = s.connect()
	if err := events.Setup(t.Context(), s.js, events.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	if s.Publisher, err = events.NewPublisher(s.nc, events.PublisherOptions{Timeout: time.Minute}); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *site) connect() (*nats.Conn, jetstream.JetStream) {
	s.t.Helper()
	nc, err := events.Connect(events.ConnectOptions{InProcess: s.server.InProcess(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		s.t.Fatal(err)
	}
	return nc, js
}

func publish[T events.Data](s *site, es ...events.Event[T]) {
	s.t.Helper()
	var messages []events.Message
	for _, e := range es {
		m, err := events.NewMessage(e)
		if err != nil {
			s.t.Fatal(err)
		}
		messages = append(messages, m)
	}
	for _, a := range s.Publish(s.t.Context(), messages) {
		if a.Err != nil {
			s.t.Fatal(a.Err)
		}
	}
}

// reads is what a bridge was asked to read.
type reads struct {
	mu  sync.Mutex
	ids []string
}

func (r *reads) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	ids := r.ids
	r.ids = nil
	return ids
}

// bridge runs a service with a connection of its own until the test ends, or
// until stop.
func (s *site) bridge(tenantID, tenant string) (asked *reads, stop func()) {
	s.t.Helper()
	nc, js := s.connect()
	asked = &reads{}
	b, log := board.New(slog.New(slog.DiscardHandler)), slog.New(slog.DiscardHandler)
	service := New(Options{
		Conn: nc, Board: b, Bridge: "1.2.3", Log: log,
		Coverage: func(ctx context.Context) iter.Seq2[events.CoverageEvent, error] { return events.LastCoverage(ctx, js) },
		Tenants: []Tenant{{ID: tenantID, Name: tenant, Read: func(ids []string) int {
			asked.mu.Lock()
			defer asked.mu.Unlock()
			if ids == nil {
				ids = []string{"everybody"}
			}
			asked.ids = append(asked.ids, ids...)
			return len(ids)
		}}},
	})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := b.Run(ctx, js); err != nil {
			s.t.Error(err)
		}
	})
	running.Go(func() {
		if err := service.Run(ctx); err != nil {
			s.t.Error(err)
		}
	})
	stop = sync.OnceFunc(func() { cancel(); running.Wait() })
	s.t.Cleanup(stop)
	eventually(s.t, "the service is offered", func() bool { return b.Ready() && len(s.infos()) > 0 })
	return asked, stop
}

// infos are those of all bridges, as `nats micro info presence` gathers them.
func (s *site) infos() []micro.Info {
	s.t.Helper()
	inbox, err := s.nc.SubscribeSync(s.nc.NewRespInbox())
	if err != nil {
		s.t.Fatal(err)
	}
	defer inbox.Unsubscribe()
	if err := s.nc.PublishRequest("$SRV.INFO."+events.Service, inbox.Subject, nil); err != nil {
		s.t.Fatal(err)
	}
	var all []micro.Info
	for {
		m, err := inbox.NextMsg(300 * time.Millisecond)
		if err != nil || len(m.Data) == 0 {
			return all
		}
		var i micro.Info
		if err := json.Unmarshal(m.Data, &i); err != nil {
			s.t.Fatal(err)
		}
		all = append(all, i)
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

var (
	one   = events.User{ID: person(1), UserPrincipalName: "agent1@contoso.com", Mail: "agent.one@contoso.com", Phones: []string{"+4989123456"}}
	two   = events.User{ID: person(2), UserPrincipalName: "agent2@contoso.com", Mail: "agent.two@contoso.com", Phones: []string{"+4989123456", "+498954321"}}
	other = events.User{ID: person(3), UserPrincipalName: "agent1@fabrikam.com"}
)

func peopled(t *testing.T) *site {
	s := newSite(t)
	publish(s, state(contoso, "contoso", one, "Busy", "InACall"), state(contoso, "contoso", two, "Available", "Available"),
		state(fabrikam, "fabrikam", other, "Away", "Away"))
	publish(s, events.CoverageEvent{ID: "c1", Data: events.CoverageData{TenantID: contoso, Tenant: "contoso", Account: "svc",
		State: events.Healthy, People: events.Covered{Assigned: 2, Push: 2}, ObservedAt: at, PublishedAt: at}},
		events.CoverageEvent{ID: "c2", Data: events.CoverageData{TenantID: fabrikam, Tenant: "fabrikam", Account: "poll",
			State: events.Polled, Reason: "mode is poll", People: events.Covered{Assigned: 1, Poll: 1}, ObservedAt: at, PublishedAt: at}})
	return s
}

func idsOf(list []events.UserEvent) (ids []string) {
	for _, e := range list {
		ids = append(ids, e.Data.User.ID)
	}
	return ids
}

func TestWhoIsMeant(t *testing.T) {
	s := peopled(t)
	s.bridge(contoso, "contoso")
	eventually(t, "everybody", func() bool {
		p, err := events.List(t.Context(), s.nc, events.ListRequest{})
		return err == nil && len(p.People) == 3
	})
	for _, tt := range []struct {
		r    events.FindRequest
		want []string
		code int
	}{
		{events.FindRequest{Mail: "AGENT1@contoso.com"}, []string{one.ID}, 0},
		{events.FindRequest{Mail: " agent.one@contoso.com "}, []string{one.ID}, 0},
		{events.FindRequest{UserID: strings.ToUpper(other.ID)}, []string{other.ID}, 0},
		{events.FindRequest{Phone: "0049 89 54321"}, []string{two.ID}, 0},
		{events.FindRequest{Phone: "(089) 123456", Region: "de"}, []string{one.ID, two.ID}, 0}, // shared
		{events.FindRequest{Mail: "agent1@contoso.com", Phone: "+49 89 54321"}, []string{one.ID}, 0},
		{events.FindRequest{Mail: "nobody@contoso.com", Phone: "+49 89 54321"}, []string{two.ID}, 0}, // e-mail first, then phone
		{events.FindRequest{UserID: person(9), Mail: "agent1@fabrikam.com"}, []string{other.ID}, 0},
		{events.FindRequest{Mail: "agent1@fabrikam.com", Tenant: "contoso"}, nil, events.CodeNotFound},
		{events.FindRequest{Mail: "agent1@fabrikam.com", Tenant: "Fabrikam"}, []string{other.ID}, 0},
		{events.FindRequest{Mail: "agent1@fabrikam.com", Tenant: fabrikam}, []string{other.ID}, 0},
		{events.FindRequest{UserID: other.ID, Tenant: contoso}, nil, events.CodeNotFound},
		{events.FindRequest{Phone: "089 123456"}, nil, events.CodeInvalid}, // no region
		{events.FindRequest{Phone: "call me"}, nil, events.CodeInvalid},
		{events.FindRequest{UserID: "one"}, nil, events.CodeInvalid},
		{events.FindRequest{Tenant: "contoso"}, nil, events.CodeInvalid},
		{events.FindRequest{Mail: "nobody@contoso.com"}, nil, events.CodeNotFound},
	} {
		found, err := events.Find(t.Context(), s.nc, tt.r)
		if diff := cmp.Diff(tt.want, idsOf(found)); diff != "" || code(err) != tt.code {
			t.Errorf("%+v: %v\n%s", tt.r, err, diff)
		}
	}
	e, err := events.Get(t.Context(), s.nc, events.GetRequest{UserID: one.ID, TenantID: strings.ToUpper(contoso)})
	if err != nil || e.Data.Activity != "InACall" || e.Data.User.Mail != one.Mail {
		t.Errorf("got %+v, %v", e, err)
	}
	if e, err := events.Get(t.Context(), s.nc, events.GetRequest{UserID: other.ID}); err != nil || e.Data.Tenant != "fabrikam" {
		t.Errorf("got %+v, %v", e, err)
	}
	for r, want := range map[events.GetRequest]int{
		{}:                                       events.CodeInvalid,
		{UserID: person(9)}:                      events.CodeNotFound,
		{UserID: one.ID, TenantID: fabrikam}:     events.CodeNotFound,
		{UserID: one.ID, TenantID: "fabrikam"}:   events.CodeInvalid,
		{UserID: person(9), TenantID: person(1)}: events.CodeNotFound,
	} {
		if _, err := events.Get(t.Context(), s.nc, r); code(err) != want {
			t.Errorf("get %+v: %v", r, err)
		}
	}

	// Somebody changes, and somebody leaves: what is answered follows.
	publish(s, state(contoso, "contoso", one, "Available", "Available"))
	eventually(t, "the change", func() bool {
		e, err := events.Get(t.Context(), s.nc, events.GetRequest{UserID: one.ID})
		return err == nil && e.Data.Availability == "Available"
	})
	if err := s.Purge(t.Context(), contoso, one.ID); err != nil {
		t.Fatal(err)
	}
	eventually(t, "that nobody is found", func() bool {
		_, err := events.Get(t.Context(), s.nc, events.GetRequest{UserID: one.ID})
		return code(err) == events.CodeNotFound
	})
}

// code is that of an error of the service; 0 without an error, -1 of others.
func code(err error) int {
	if err == nil {
		return 0
	}
	if e, ok := errors.AsType[*events.RequestError](err); ok {
		return e.Code
	}
	return -1
}

func TestCoverage(t *testing.T) {
	s := peopled(t)
	s.bridge(contoso, "contoso")
	for tenant, want := range map[string][]string{"": {"svc", "poll"}, "contoso": {"svc"}, fabrikam: {"poll"}, "nobody": nil} {
		c, err := events.AskCoverage(t.Context(), s.nc, events.CoverageRequest{Tenant: tenant})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range c.Coverage {
			got = append(got, e.Data.Account)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("tenant %q (-want +got):\n%s", tenant, diff)
		}
	}
}

// Pages hold everybody once, and none is longer than a message may be.
func TestPages(t *testing.T) {
	s := newSite(t)
	const n = 1500
	var all []events.UserEvent
	for i := range n {
		availability := "Available"
		if i%3 == 0 {
			availability = "Busy"
		}
		all = append(all, state(contoso, "contoso", events.User{ID: person(i), DisplayName: strings.Repeat("long name ", 100)}, availability, "InACall"))
	}
	publish(s, all...)
	s.bridge(contoso, "contoso")
	read := func(r events.ListRequest) (ids []string, pages int) {
		for {
			p, err := events.List(t.Context(), s.nc, r)
			if err != nil {
				t.Fatal(err)
			}
			pages++
			ids = append(ids, idsOf(p.People)...)
			if r.Cursor = p.NextCursor; r.Cursor == "" {
				return ids, pages
			}
		}
	}
	eventually(t, "everybody", func() bool { ids, _ := read(events.ListRequest{Limit: 1000}); return len(ids) == n })
	ids, pages := read(events.ListRequest{Limit: 1000})
	if !slices.IsSorted(ids) || len(slices.Compact(ids)) != n {
		t.Error("not everybody once, in order")
	}
	if pages <= 2 {
		t.Errorf("%d pages of a thousand long events", pages)
	}
	if p, err := events.List(t.Context(), s.nc, events.ListRequest{}); err != nil || len(p.People) != 100 {
		t.Errorf("%d people by default, %v", len(p.People), err)
	}
	if ids, _ := read(events.ListRequest{State: "busy", Limit: 400}); len(ids) != n/3 {
		t.Errorf("%d are busy", len(ids))
	}
	if ids, _ := read(events.ListRequest{State: "INACALL", Limit: 400}); len(ids) != n {
		t.Errorf("%d are in a call", len(ids))
	}
	for _, r := range []events.ListRequest{{Limit: -1}, {Limit: 1001}, {Cursor: "?"}} {
		if _, err := events.List(t.Context(), s.nc, r); code(err) != events.CodeInvalid {
			t.Errorf("%+v: %v", r, err)
		}
	}
}

// Bridges of different tenants on one server: whoever is asked first, it is the
// right one that reads.
func TestBridgesShareTheService(t *testing.T) {
	s := peopled(t)
	first, _ := s.bridge(contoso, "contoso")
	second, stop := s.bridge(fabrikam, "fabrikam")
	eventually(t, "both bridges", func() bool { return len(s.infos()) == 2 })
	for range 10 { // by chance every one of them is asked
		for _, tt := range []struct {
			r             events.RefreshRequest
			first, second []string
		}{
			{events.RefreshRequest{Mail: one.Mail}, []string{one.ID}, nil},
			{events.RefreshRequest{UserID: other.ID}, nil, []string{other.ID}},
			{events.RefreshRequest{Phone: "+4989123456"}, []string{one.ID, two.ID}, nil},
			{events.RefreshRequest{Tenant: "fabrikam"}, nil, []string{"everybody"}},
			{events.RefreshRequest{}, []string{"everybody"}, []string{"everybody"}},
		} {
			got, err := events.Refresh(t.Context(), s.nc, tt.r)
			if err != nil || got.Asked != len(tt.first)+len(tt.second) {
				t.Fatalf("%+v: %+v, %v", tt.r, got, err)
			}
			a, b := first.take(), second.take()
			slices.Sort(a)
			if diff := cmp.Diff([][]string{tt.first, tt.second}, [][]string{a, b}); diff != "" {
				t.Fatalf("%+v (-want +got):\n%s", tt.r, diff)
			}
		}
	}
	stop()
	eventually(t, "that nobody reads the tenant", func() bool { // the server learns of it a moment later
		_, err := events.Refresh(t.Context(), s.nc, events.RefreshRequest{Tenant: "fabrikam"})
		return code(err) == events.CodeUnavailable
	})
	if _, err := events.Refresh(t.Context(), s.nc, events.RefreshRequest{Tenant: "nobody"}); code(err) != events.CodeNotFound {
		t.Errorf("no such tenant: %v", err)
	}
	// Its people's states are still there for everybody.
	if found, err := events.Find(t.Context(), s.nc, events.FindRequest{Mail: other.UserPrincipalName}); err != nil || len(found) != 1 {
		t.Errorf("found %v, %v", found, err)
	}
}

func TestNobodyAnswers(t *testing.T) {
	s := newSite(t)
	if _, err := events.Find(t.Context(), s.nc, events.FindRequest{Mail: "a@b"}); code(err) != events.CodeUnavailable {
		t.Error(err)
	}
}

// What travels is what docs/requests.schema.json says, and the service tells the
// schema itself.
func TestSchemas(t *testing.T) {
	s := peopled(t)
	s.bridge(contoso, "contoso")
	info := s.infos()[0]
	if info.Version != "1.0.0" || info.Metadata["bridge"] != "1.2.3" || info.Description == "" {
		t.Errorf("info %+v", info)
	}
	offered := map[string]micro.EndpointInfo{}
	for _, e := range info.Endpoints {
		offered[e.Subject] = e
	}
	if len(offered) != 6 { // five, and one for the tenant
		t.Errorf("endpoints %v", offered)
	}
	eventually(t, "everybody", func() bool {
		p, err := events.List(t.Context(), s.nc, events.ListRequest{})
		return err == nil && len(p.People) == 3
	})
	for _, tt := range []struct {
		subject, request string
		code             string
	}{
		{events.RequestGet, `{"userId":"` + one.ID + `"}`, ""},
		{events.RequestFind, `{"mail":"agent1@contoso.com"}`, ""},
		{events.RequestFind, `{"phone":"089 123456","region":"DE","tenant":"contoso"}`, ""},
		{events.RequestList, ``, ""},
		{events.RequestList, `{}`, ""},
		{events.RequestList, `{"limit":1,"state":"Busy"}`, ""},
		{events.RequestCoverage, ``, ""},
		{events.RequestRefresh, `{"tenant":"contoso"}`, ""},
		{events.RequestFind, `{"email":"agent1@contoso.com"}`, "400"},
		{events.RequestFind, `{"mail":7}`, "400"},
		{events.RequestFind, `agent1@contoso.com`, "400"},
		{events.RequestFind, `{}`, "400"},
		{events.RequestFind, `["a"]`, "400"},
		{events.RequestGet, `{"userId":"` + person(9) + `"}`, "404"},
	} {
		m, err := s.nc.Request(tt.subject, []byte(tt.request), 30*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Header.Get(micro.ErrorCodeHeader); got != tt.code {
			t.Errorf("%s %s: code %q: %s", tt.subject, tt.request, got, m.Data)
		}
		metadata := offered[tt.subject].Metadata
		if tt.code != "" {
			t.Logf("%s %s: %s", tt.subject, tt.request, m.Header.Get(micro.ErrorHeader))
			check(t, `{"$ref":"https://presencebridge.jtel.de/schemas/v1/requests.schema.json#/$defs/error"}`, m.Data)
			continue
		}
		if tt.request != "" {
			check(t, metadata["request-schema"], []byte(tt.request))
		}
		check(t, metadata["answer-schema"], m.Data)
	}
}

func check(t *testing.T, schema string, value []byte) {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	load := func(text string) any {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		return v
	}
	for _, name := range []string{"events", "requests"} {
		text := readFile(t, "../../docs/"+name+".schema.json")
		if err := c.AddResource("https://presencebridge.jtel.de/schemas/v1/"+name+".schema.json", load(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.AddResource("https://example.com/metadata", load(schema)); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("https://example.com/metadata")
	if err != nil {
		t.Fatal(err)
	}
	if err := compiled.Validate(load(string(value))); err != nil {
		t.Errorf("%s\n%v", value, err)
	}
}
