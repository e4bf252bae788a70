package sdk

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"jtel.de/presencebridge/internal/graph"
)

// Whoever hammers, no window of Graph's ever holds more than Graph allows, and
// what is allowed is put to use.
func TestLimiterKeepsEveryWindow(t *testing.T) {
	for class := range classes {
		synctest.Test(t, func(t *testing.T) {
			gate := &NewLimiter().of[class]
			most, span := allowed[class].units, allowed[class].span
			ctx, cancel := context.WithTimeout(t.Context(), 5*span)
			defer cancel()
			var mu sync.Mutex
			var at []time.Time
			var callers sync.WaitGroup
			for range 8 {
				callers.Go(func() {
					for gate.pass(ctx, 1) == nil {
						mu.Lock()
						at = append(at, time.Now())
						mu.Unlock()
					}
				})
			}
			callers.Wait()
			slices.SortFunc(at, time.Time.Compare)
			first := 0
			for i, now := range at {
				for now.Sub(at[first]) >= span {
					first++
				}
				if n := i - first + 1; n > most {
					t.Fatalf("class %d: %d calls within %s", class, n, span)
				}
			}
			if want := 3 * most; len(at) < want {
				t.Errorf("class %d: %d calls in %s, want at least %d", class, len(at), 5*span, want)
			}
		})
	}
}

func TestDirectoryCallsCostUnits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := &NewLimiter().of[lookups]
		begin := time.Now()
		for range 700 { // 700 at once, then 245 a second
			if err := gate.pass(t.Context(), 4); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(begin); took < 8*time.Second || took > 9*time.Second {
			t.Errorf("2,800 units took %s", took)
		}
	})
}

func TestAStopHoldsEverybodyOfTheClass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter()
		begin := time.Now()
		l.of[presences].stop(41 * time.Second)
		l.of[presences].stop(time.Second) // the longer one counts

		hurried, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		err := l.of[presences].pass(hurried, 1)
		if graph.Classify(err) != graph.Throttled || graph.RetryAfter(err) != 41*time.Second || time.Since(begin) != 0 {
			t.Errorf("after %s: %v, retry after %s", time.Since(begin), err, graph.RetryAfter(err))
		}
		if err := l.of[writes].pass(hurried, 1); err != nil || time.Since(begin) != 0 {
			t.Errorf("another class waited %s: %v", time.Since(begin), err)
		}
		if err := l.of[presences].pass(t.Context(), 1); err != nil || time.Since(begin) != 41*time.Second {
			t.Errorf("passed after %s: %v", time.Since(begin), err)
		}

		l.of[presences].stop(12 * 24 * time.Hour)
		stopped, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, cancel)
		if err := l.of[presences].pass(stopped, 1); !errors.Is(err, context.Canceled) {
			t.Errorf("a caller that gave up: %v", err)
		}
		if err := l.of[presences].pass(t.Context(), 1); err != nil || time.Since(begin) != 41*time.Second+longestStop {
			t.Errorf("an absurd demand held for %s: %v", time.Since(begin), err)
		}
	})
}

// A stop that comes while somebody waits for a turn holds that one, too.
func TestAStopReachesThoseWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := &NewLimiter().of[listings]
		for range 5 {
			if err := gate.pass(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
		}
		begin := time.Now()
		time.AfterFunc(time.Second, func() { gate.stop(10 * time.Second) })
		if err := gate.pass(t.Context(), 1); err != nil || time.Since(begin) != 11*time.Second {
			t.Errorf("passed after %s: %v", time.Since(begin), err)
		}
	})
}

// What one client is told, all clients of the tenant obey.
func TestClientsShareAStop(t *testing.T) {
	g := newGraph(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v1.0/communications") {
			w.Header().Set("Retry-After", "315")
			w.WriteHeader(http.StatusTooManyRequests)
		}
		io.WriteString(w, `{"value":[]}`)
	})
	shared := NewLimiter()
	var mu sync.Mutex
	var calls []Call
	observe := func(c Call) { mu.Lock(); defer mu.Unlock(); calls = append(calls, c) }
	with := func(l *Limiter) *Client {
		return g.client(t, func(o *Options) { o.Limiter, o.Observe = l, observe })
	}
	a, b, other := with(shared), with(shared), with(NewLimiter())
	if _, err := a.Presences(t.Context(), []string{agent(1)}); graph.RetryAfter(err) != 315*time.Second {
		t.Fatalf("throttled: %v", err)
	}
	if _, err := b.Presences(t.Context(), []string{agent(1)}); graph.Classify(err) != graph.Throttled || graph.RetryAfter(err) < 300*time.Second {
		t.Errorf("the other client: %v", err)
	}
	if n := len(g.seen()); n != 1 {
		t.Errorf("graph got %d requests, want 1", n)
	}
	if _, err := b.Subscriptions(t.Context()); err != nil {
		t.Errorf("another class: %v", err)
	}
	other.Presences(t.Context(), []string{agent(1)}) // another tenant
	if n := len(g.seen()); n != 3 {
		t.Errorf("graph got %d requests, want 3", n)
	}
	for i := range calls {
		calls[i].Waited, calls[i].Took = 0, 0
	}
	if want := []Call{
		{Route: "presence", Status: 429, Stop: 315 * time.Second},
		{Route: "presence", HeldBack: true},
		{Route: "subscription_list", Status: 200},
		{Route: "presence", Status: 429, Stop: 315 * time.Second},
	}; !slices.Equal(calls, want) {
		t.Errorf("calls that were told: %+v, want %+v", calls, want)
	}
}

// The service users of a tenant have a client each. When Graph throttles one
// that creates, renewals and creates of the others wait, too: they would count.
func TestThrottlingOfOneAccountStopsAll(t *testing.T) {
	g := newGraph(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "120")
		w.WriteHeader(http.StatusTooManyRequests)
		io.WriteString(w, `{"error":{"code":"TooManyRequests","message":"m"}}`)
	})
	shared := NewLimiter()
	with := func(o *Options) { o.Limiter = shared }
	a, b := g.client(t, with), g.client(t, with)
	if _, err := a.CreateSubscription(t.Context(), wanted()); graph.RetryAfter(err) != 2*time.Minute {
		t.Fatalf("throttled: %v", err)
	}
	_, create := b.CreateSubscription(t.Context(), wanted())
	_, renew := b.RenewSubscription(t.Context(), "s", time.Now(), nil)
	for _, err := range []error{create, renew, b.DeleteSubscription(t.Context(), "s")} {
		if graph.Classify(err) != graph.Throttled || graph.RetryAfter(err) < 110*time.Second {
			t.Errorf("the other account: %v", err)
		}
	}
	if n := len(g.seen()); n != 1 {
		t.Errorf("graph got %d requests, want 1", n)
	}
}

func TestClassOf(t *testing.T) {
	for request, want := range map[string]struct {
		class class
		units int
	}{
		"GET /subscriptions":                        {listings, 1},
		"GET /subscriptions?$skiptoken=x":           {listings, 1},
		"POST /subscriptions":                       {writes, 1},
		"PATCH /subscriptions/id":                   {writes, 1},
		"DELETE /subscriptions/id":                  {writes, 1},
		"GET /subscriptions/id":                     {single, 1},
		"POST /communications/getPresencesByUserId": {presences, 1},
		"GET /users/id/presence":                    {presences, 1},
		"GET /users":                                {lookups, 2},
		"GET /users?$select=id&$top=999":            {lookups, 1},
		"GET /users/delta?$select=id":               {lookups, 1},
		"GET /users/anna?$select=id":                {lookups, 1},
		"GET /groups?$select=id&$top=2":             {lookups, 1},
		"GET /groups/id/transitiveMembers":          {lookups, 5},
		"GET /groups/id/transitiveMembers/microsoft.graph.user?$select=id": {lookups, 4},
		"GET /groups/id/members?$expand=x":                                 {lookups, 4},
		"GET /applications(appId='id')?$select=id":                         {lookups, 1},
	} {
		method, target, _ := strings.Cut(request, " ")
		r, err := http.NewRequest(method, "https://graph.example/v1.0"+target, nil)
		if err != nil {
			t.Fatal(err)
		}
		if class, units := classOf(r, "/v1.0"); class != want.class || units != want.units {
			t.Errorf("%s: class %d of %d units, want %+v", request, class, units, want)
		}
	}
}
