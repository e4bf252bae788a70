package graphsim_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"jtel.de/presencebridge/internal/graphsim"
)

func TestRichDelivery(t *testing.T) {
	b := start(t, graphsim.Options{})
	id, _ := b.subscribe(0)
	user := b.Tenant().Users[0]
	if !b.SetPresence(strings.ToUpper(user.ID), "Busy", "InACall") || b.SetPresence(user.ID, "Busy", "InACall") || b.SetPresence(guids(1)[0], "Busy", "InACall") {
		t.Error("SetPresence tells changes wrongly")
	}
	b.drain()
	got := b.recv.items()
	if len(got) != 1 {
		t.Fatalf("%d items", len(got))
	}
	d := got[0]
	if d.Path != "/notify" || d.user() != user.ID || d.Item.SubscriptionID != id || *d.Item.ClientState != "state-1" || d.Item.ChangeType != "updated" || d.Item.TenantID != b.Tenant().ID || d.Item.OrganizationID != "" || d.Item.ID != nil {
		t.Errorf("item %+v", d.Item)
	}
	if d.Item.ResourceData["@odata.type"] != "#microsoft.graph.presence" || d.Item.ResourceData["id"] != user.ID || d.Item.ResourceData["availability"] != nil {
		t.Errorf("resourceData %v", d.Item.ResourceData)
	}
	if _, err := time.Parse(time.RFC3339Nano, d.Item.Expires); err != nil {
		t.Error(err)
	}
	if d.Plain["availability"] != "Busy" || d.Plain["activity"] != "InACall" || d.Plain["id"] != user.ID || len(d.Plain) != 5 {
		t.Errorf("plain %v", d.Plain)
	}
	if d.Tokens == nil || len(*d.Tokens) != 1 {
		t.Fatalf("tokens %v", d.Tokens)
	}
	c := b.claims((*d.Tokens)[0])
	tenant := b.Tenant()
	if c["aud"] != tenant.App.ID || c["azp"] != "0bf30f3b-4a52-48df-9a82-234910c4a086" || c["tid"] != tenant.ID || c["ver"] != "2.0" || c["iss"] != "https://login.microsoftonline.com/"+tenant.ID+"/v2.0" {
		t.Errorf("claims %v", c)
	}
	if s := b.Subscriptions()[0]; s.Delivered != 1 || s.Failed != 0 {
		t.Errorf("%+v", s)
	}
	if l := b.kinds(graphsim.KindDelivery); len(l) != 1 || l[0].Status != 202 || l[0].Items != 1 || l[0].Attempt != 1 {
		t.Errorf("history %+v", l)
	}
}

func TestForms(t *testing.T) {
	b := start(t, graphsim.Options{})
	b.subscribe(0)
	user := b.Tenant().Users[0].ID
	turn := 0
	deliver := func(f graphsim.Faults) delivered {
		t.Helper()
		b.SetFaults(f)
		turn++
		b.SetPresence(user, "Busy", fmt.Sprint("Turn", turn))
		b.drain()
		return b.recv.items()[turn-1]
	}
	if d := deliver(graphsim.Faults{ResourceForm: "slash", CapitalType: true, NullID: true, ItemIDs: true, SevenDigits: true, SequenceInNotifications: true, CamelCase: true}); d.Item.Resource != "communications/presences/"+user ||
		d.Item.ResourceData["@odata.type"] != "#Microsoft.Graph.presence" || d.Item.ResourceData["id"] != nil || d.Item.ID == nil || !strings.HasSuffix(d.Item.Expires, "+00:00") || len(d.Item.Expires) != 33 ||
		d.Plain["sequenceNumber"] == nil || d.Plain["availability"] != "busy" || d.Plain["activity"] != "turn1" {
		t.Errorf("%+v %v", d.Item, d.Plain)
	}
	if d := deliver(graphsim.Faults{ValidationTokens: "v1"}); b.claims((*d.Tokens)[0])["appid"] != "0bf30f3b-4a52-48df-9a82-234910c4a086" || b.claims((*d.Tokens)[0])["iss"] != "https://sts.windows.net/"+b.Tenant().ID+"/" {
		t.Errorf("v1: %v", d.Tokens)
	}
	if d := deliver(graphsim.Faults{ValidationTokens: "null"}); d.Tokens != nil {
		t.Errorf("null: %v", *d.Tokens)
	}
	b.SetApp(func(a *graphsim.App) { a.AssignmentRequired = true })
	if d := deliver(graphsim.Faults{}); d.Tokens != nil {
		t.Errorf("assignment required: %v", *d.Tokens)
	}
	b.SetApp(func(a *graphsim.App) { a.AssignmentRequired = false })
	if d := deliver(graphsim.Faults{UnknownMembers: true}); len(d.Plain) <= 5 {
		t.Errorf("unknown members: %v", d.Plain)
	}
	old := *deliver(graphsim.Faults{}).Tokens
	b.RollKeys()
	fresh := *deliver(graphsim.Faults{}).Tokens
	if len(b.jwks()) != 2 || fresh[0] == old[0] {
		t.Error("keys did not roll")
	}
	b.claims(old[0]) // still verifiable
	b.claims(fresh[0])
}

func TestBasicDelivery(t *testing.T) {
	b := start(t, graphsim.Options{})
	user := b.Tenant().Users[0].ID
	body := with(b.rich(), "includeResourceData", nil, "encryptionCertificate", nil, "encryptionCertificateId", nil, "resource", "communications/presences/"+user)
	if a := b.graph(b.userToken(0), "POST", "/subscriptions", body); a.status != 201 {
		t.Fatal(a.raw)
	}
	b.SetPresence(user, "Busy", "InACall")
	b.SetPresence(b.Tenant().Users[1].ID, "Busy", "InACall") // not subscribed
	b.drain()
	b.SetFaults(graphsim.Faults{ClearPresence: true})
	b.SetPresence(user, "Away", "Away")
	b.drain()
	got := b.recv.items()
	if len(got) != 2 || got[0].Item.Encrypted != nil || got[0].Tokens != nil || got[0].Item.OrganizationID != b.Tenant().ID || got[0].Item.ResourceData["activity"] != nil {
		t.Errorf("%+v", got)
	}
	if got[1].Item.ResourceData["activity"] != "Away" {
		t.Errorf("clear: %v", got[1].Item.ResourceData)
	}
}

// order checks that everybody's states arrived in the order of the changes and that
// nothing is missing. It gives the number of repeats.
func (b *bench) order(made map[string][]string, got []delivered) (repeats int) {
	b.t.Helper()
	seen := map[string][]string{}
	for _, d := range got {
		l, a := seen[d.user()], d.Plain["activity"].(string)
		if len(l) > 0 && l[len(l)-1] == a {
			repeats++
			continue
		}
		seen[d.user()] = append(l, a)
	}
	for user, want := range made {
		if !slices.Equal(seen[user], want) {
			b.t.Errorf("%s: made %v, got %v", user, want, seen[user])
		}
	}
	return repeats
}

func TestOrderAndDuplicates(t *testing.T) {
	faults := graphsim.DefaultFaults()
	faults.Latency, faults.Duplicates, faults.Throttle, faults.Unavailable = 5*time.Millisecond, 0.2, 0, 0
	b := start(t, graphsim.Options{Faults: faults})
	b.subscribe(0)
	users := b.Tenant().Users
	made, changes := map[string][]string{}, 1000
	r := rand.New(rand.NewPCG(1, 1))
	for i := range changes {
		u := users[r.IntN(len(users))].ID
		b.SetPresence(u, "Busy", fmt.Sprint("A", i))
		made[u] = append(made[u], fmt.Sprint("A", i))
	}
	b.drain()
	got := b.recv.items()
	if repeats := b.order(made, got); repeats < changes/10 || len(got) != changes+repeats {
		t.Errorf("%d repeats in %d items", repeats, len(got))
	}
	posts := len(b.kinds(graphsim.KindDelivery))
	if posts > changes/2 {
		t.Errorf("%d POSTs: no batches", posts)
	}
}

func TestMixedBatches(t *testing.T) {
	for _, mixed := range []bool{false, true} {
		b := start(t, graphsim.Options{Faults: graphsim.Faults{MixedBatches: mixed, ForeignItems: 1}})
		user := b.Tenant().Users[0].ID
		b.subscribe(0, user)
		b.subscribe(1, user)
		b.SetPresence(user, "Busy", "InACall")
		b.drain()
		subs, foreign := map[int]map[string]bool{}, 0
		for _, d := range b.recv.items() {
			if d.Item.TenantID != b.Tenant().ID {
				foreign++
				if len(*d.Tokens) != 2 {
					t.Errorf("one token for each app and tenant: %v", d.Tokens)
				}
				continue
			}
			if subs[d.Post] == nil {
				subs[d.Post] = map[string]bool{}
			}
			subs[d.Post][d.Item.SubscriptionID] = true
		}
		want := 2
		if mixed {
			want = 1
		}
		if len(subs) != want || foreign != want {
			t.Errorf("mixed %v: %v, %d foreign", mixed, subs, foreign)
		}
	}
}

func TestRetries(t *testing.T) {
	b := start(t, graphsim.Options{Speed: 500})
	b.subscribe(0)
	var tries atomic.Int32
	b.recv.set(func(w http.ResponseWriter, r *http.Request) {
		switch tries.Add(1) {
		case 1:
			w.WriteHeader(503)
		case 2:
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		case 3:
			panic(http.ErrAbortHandler)
		}
	})
	user := b.Tenant().Users[0].ID
	b.SetPresence(user, "Busy", "InACall")
	if b.Pending() != 1 {
		t.Error("nothing pending")
	}
	b.drain()
	got := b.recv.items()
	if len(got) != 1 || tries.Load() != 4 {
		t.Errorf("%d items after %d tries", len(got), tries.Load())
	}
	l := b.kinds(graphsim.KindDelivery)
	for i, status := range []int{503, 307, 0, 202} {
		if l[i].Status != status || l[i].Attempt != i+1 {
			t.Errorf("attempt %d: %+v", i+1, l[i])
		}
	}
	if s := b.Subscriptions()[0]; s.Delivered != 1 || s.Failed != 3 {
		t.Errorf("%+v", s)
	}
}

func TestLostAnswerRepeatsTheSameItem(t *testing.T) {
	b := start(t, graphsim.Options{Speed: 500, Faults: graphsim.Faults{LostAnswers: 1}})
	b.subscribe(0)
	var posts atomic.Int32
	b.recv.set(func(http.ResponseWriter, *http.Request) {
		if posts.Add(1) == 2 {
			b.SetFaults(graphsim.Faults{})
		}
	})
	b.SetPresence(b.Tenant().Users[0].ID, "Busy", "InACall")
	b.drain()
	got := b.recv.items()
	if len(got) < 2 || string(got[0].Item.Encrypted.Data) != string(got[1].Item.Encrypted.Data) {
		t.Errorf("%d items", len(got))
	}
}

func TestEndsAndPauses(t *testing.T) {
	b := start(t, graphsim.Options{})
	id, token := b.subscribe(0)
	user := b.Tenant().Users[0].ID
	b.Pause(true)
	b.SetPresence(user, "Busy", "InACall")
	if b.Pending() != 1 {
		t.Error("paused, but nothing pending")
	}
	b.graph(token, "DELETE", "/subscriptions/"+id, nil)
	if b.Pending() != 0 {
		t.Error("a deleted subscription still delivers")
	}
	b.Pause(false)
	id, _ = b.subscribe(0)
	b.SetFaults(graphsim.Faults{Stalled: []string{b.Tenant().Accounts[0].Username}})
	b.SetPresence(user, "Away", "Away")
	if b.Pending() != 0 {
		t.Error("a stalled account still delivers")
	}
	b.SetFaults(graphsim.Faults{})
	b.Expire(id)
	b.SetPresence(user, "Busy", "InACall")
	b.drain()
	if n := len(b.recv.items()); n != 0 || len(b.Subscriptions()) != 0 {
		t.Errorf("%d items", n)
	}
}

// The creator's token lives 2 s here, the subscription almost a minute.
func TestDeliveryPausesWithTheToken(t *testing.T) {
	b := start(t, graphsim.Options{Speed: 60, Faults: graphsim.Faults{TokenLife: time.Minute}})
	id, _ := b.subscribe(0)
	user := b.Tenant().Users[0].ID
	b.untilTokenEnds(id)
	b.SetPresence(user, "Busy", "InACall")
	for b.Subscriptions()[0].Held == 0 {
		time.Sleep(5 * time.Millisecond)
	}
	if n := b.recv.changes(); n != 0 {
		t.Errorf("%d items without a token", n)
	}
	b.SetFaults(graphsim.Faults{})
	token := b.userToken(0)
	if a := b.graph(token, "POST", "/subscriptions/"+id+"/reauthorize", nil); a.status != 204 {
		t.Fatal(a.raw)
	}
	b.drain()
	if n := b.recv.changes(); n != 1 {
		t.Errorf("%d items after reauthorize", n)
	}
}

// changes counts the items that are no lifecycle events.
func (v *receiver) changes() (n int) {
	for _, d := range v.items() {
		if d.Item.LifecycleEvent == "" {
			n++
		}
	}
	return n
}

func (b *bench) untilTokenEnds(id string) {
	for _, s := range b.Subscriptions() {
		if s.ID == id {
			time.Sleep(time.Until(s.TokenEnds) + time.Millisecond)
		}
	}
}

func TestLifecycle(t *testing.T) {
	b := start(t, graphsim.Options{})
	id, _ := b.subscribe(0)
	if b.Lifecycle("x", "missed") || !b.Lifecycle(id, "missed") {
		t.Error("Lifecycle")
	}
	b.drain()
	got := b.recv.items()
	if len(got) != 1 || got[0].Path != "/lifecycle" || got[0].Item.LifecycleEvent != "missed" || got[0].Item.ChangeType != "" || got[0].Item.Resource != "" || *got[0].Item.ClientState != "state-1" || got[0].Tokens != nil {
		t.Errorf("%+v", got)
	}
	if l := b.kinds(graphsim.KindLifecycle); len(l) != 1 {
		t.Errorf("history %+v", l)
	}
}

func BenchmarkDelivery(b *testing.B) {
	s := start(b, graphsim.Options{Faults: graphsim.Faults{BatchWindow: -1, MixedBatches: true}})
	s.recv.set(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(202) })
	s.subscribe(0)
	users := s.Tenant().Users
	n := 0
	for b.Loop() {
		s.SetPresence(users[n%len(users)].ID, "Busy", fmt.Sprint(n))
		n++
		if n%5000 == 0 {
			s.drain()
		}
	}
	s.drain()
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "notifications/s")
}
