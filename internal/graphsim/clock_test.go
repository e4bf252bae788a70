package graphsim

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// These tests run on synctest's clock: there is no network, the notification URL is
// a function.

type endpointFunc func(*http.Request) (int, error)

func (f endpointFunc) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	status, err := f(r)
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: status, Body: http.NoBody, Header: http.Header{}}, nil
}

// unwired is a simulator with one basic subscription of everybody, for life.
func unwired(t *testing.T, life time.Duration, f Faults, answer endpointFunc) (*Simulator, *subscription) {
	t.Helper()
	f.BatchWindow = -1
	s := New(Options{Seed: 7, Faults: f, Log: slog.New(slog.DiscardHandler)})
	s.sender.classic.Transport, s.sender.modern.Transport = answer, answer
	s.startDeliveries()
	t.Cleanup(s.Close)
	now := time.Now()
	sub := &subscription{
		terms: terms{id: "sub", url: "https://receiver.test/n", tls: "v1_2", account: s.tenant.Accounts[0].Username, expires: now.Add(life)},
		users: map[string]bool{}, created: now, tokenEnds: now.Add(2 * life),
	}
	for _, u := range s.tenant.Users {
		sub.users[u.ID] = true
	}
	s.mu.Lock()
	s.subs[sub.id] = sub
	s.mu.Unlock()
	return s, sub
}

func (s *Simulator) droppedBy(sub *subscription) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return sub.dropped
}

func TestRetrySchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tries []time.Duration
		began := time.Now()
		s, sub := unwired(t, 24*time.Hour, Faults{NoSlowState: true}, func(*http.Request) (int, error) {
			tries = append(tries, time.Since(began))
			return 503, nil
		})
		s.SetPresence(s.tenant.Users[0].ID, "Busy", "InACall")
		if err := s.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := []time.Duration{0, 5, 15, 35, 75, 155, 315, 635, 1235}
		for i := range want {
			want[i] *= time.Second
		}
		if !slices.Equal(tries[:len(want)], want) {
			t.Errorf("tries at %v", tries)
		}
		if last := tries[len(tries)-1]; last < 4*time.Hour || last > 4*time.Hour+10*time.Minute {
			t.Errorf("gave up after %v", last)
		}
		if n := s.droppedBy(sub); n != 1 {
			t.Errorf("%d dropped", n)
		}
	})
}

func TestDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var took []time.Duration
		var began time.Time
		s, _ := unwired(t, time.Hour, Faults{NoSlowState: true}, func(r *http.Request) (int, error) {
			began = time.Now()
			<-r.Context().Done()
			took = append(took, time.Since(began))
			if len(took) == 3 {
				return 202, nil
			}
			return 0, r.Context().Err()
		})
		s.SetPresence(s.tenant.Users[0].ID, "Busy", "InACall")
		if err := s.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(took, []time.Duration{3 * time.Second, 10 * time.Second, 10 * time.Second}) {
			t.Errorf("waited %v", took)
		}
	})
}

func TestSlowEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var slow atomic.Bool
		slow.Store(true)
		var last atomic.Int64
		s, sub := unwired(t, 24*time.Hour, Faults{}, func(r *http.Request) (int, error) {
			if slow.Load() {
				<-r.Context().Done()
				return 0, r.Context().Err()
			}
			last.Store(time.Now().UnixNano())
			return 202, nil
		})
		took := func(since time.Time) time.Duration { return time.Unix(0, last.Load()).Sub(since) }
		user := s.tenant.Users[0].ID
		s.SetPresence(user, "Busy", "InACall")
		time.Sleep(11 * time.Minute)
		slow.Store(false)
		// A try took more than 10 s: new notifications are dropped for ten minutes.
		before := s.droppedBy(sub)
		s.SetPresence(user, "Away", "Away")
		if s.droppedBy(sub) != before+1 {
			t.Error("not in the drop state")
		}
		if err := s.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(25 * time.Minute) // two quiet periods
		changed := time.Now()
		s.SetPresence(user, "Available", "Available")
		if err := s.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took(changed) != 0 {
			t.Errorf("recovered, but delayed by %v", took(changed))
		}
		// Only the first try is slow: delayed, not dropped.
		s.mu.Lock()
		e := s.endpoint(sub.url)
		e.answers, e.slow = 100, 11
		s.mu.Unlock()
		time.Sleep(10 * time.Minute)
		changed = time.Now()
		s.SetPresence(user, "Busy", "InACall")
		if err := s.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took(changed) != 10*time.Minute {
			t.Errorf("slow, delayed by %v", took(changed))
		}
	})
}

func TestReauthorizationRequired(t *testing.T) {
	for name, c := range map[string]struct {
		mode  string
		token time.Duration
		want  []time.Duration
	}{
		"before the end":       {"", 2 * time.Hour, []time.Duration{45, 50, 55}},
		"before the token":     {"", 40 * time.Minute, []time.Duration{25, 30, 35, 40, 45, 50, 55}},
		"off":                  {"off", 40 * time.Minute, nil},
		"renewed at half life": {"", 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				var mu sync.Mutex
				var got []time.Duration
				s, sub := unwired(t, time.Hour, Faults{Lifecycle: c.mode}, func(r *http.Request) (int, error) {
					mu.Lock()
					defer mu.Unlock()
					got = append(got, time.Since(began)/time.Minute)
					return 202, nil
				})
				s.mu.Lock()
				sub.lifecycleURL = "https://receiver.test/l"
				sub.tokenEnds = began.Add(c.token)
				if c.token == 0 {
					sub.tokenEnds = began.Add(time.Hour)
				}
				sub.lifecycleDue = s.nextLifecycle(sub, time.Time{})
				s.courier.wakeUp()
				s.mu.Unlock()
				if c.token == 0 {
					time.Sleep(30 * time.Minute)
					s.mu.Lock()
					sub.expires = time.Now().Add(time.Hour)
					s.freshToken(&call{who: identity{ends: sub.expires}}, sub)
					s.mu.Unlock()
					time.Sleep(20 * time.Minute)
				} else {
					time.Sleep(70 * time.Minute)
				}
				mu.Lock()
				defer mu.Unlock()
				if !slices.Equal(got, c.want) {
					t.Errorf("at minutes %d", got)
				}
			})
		})
	}
}

func TestThrottleWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{Seed: 1})
		r := route{limit: limitList}
		ask := func() error {
			return s.limit(&call{Request: must(http.NewRequest("GET", "/v1.0/subscriptions", nil)), answer: http.Header{}}, r)
		}
		for i := range 25 {
			if err := ask(); err != nil {
				t.Fatalf("request %d: %v", i, err)
			}
		}
		time.Sleep(5 * time.Second)
		err := ask()
		e, ok := err.(*graphError)
		if !ok || e.status != 429 || e.header.Get("Retry-After") != "15" {
			t.Fatalf("%v", err)
		}
		time.Sleep(15 * time.Second)
		if err := ask(); err != nil {
			t.Errorf("after the wait: %v", err)
		}
	})
}

func TestKeysRollByThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := unwired(t, time.Hour, Faults{RollKeysEvery: time.Hour}, func(*http.Request) (int, error) { return 202, nil })
		first := s.keys.current().kid
		time.Sleep(59 * time.Minute)
		if s.keys.current().kid != first {
			t.Error("rolled early")
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if s.keys.current().kid == first || s.keys.find(first) == nil {
			t.Error("not rolled, or the old key is gone at once")
		}
		time.Sleep(5 * time.Hour)
		synctest.Wait()
		if s.keys.find(first) != nil {
			t.Error("the first key is still there")
		}
	})
}

func TestLifeIsRepeatable(t *testing.T) {
	live := func(seed uint64) (list []Change) {
		synctest.Test(t, func(t *testing.T) {
			s := New(Options{Seed: seed})
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			last := map[string]mood{}
			s.Life(ctx, 20, func(c Change) {
				now := mood{c.Availability, c.Activity}
				if last[c.UserID] == now {
					t.Errorf("no change: %+v", c)
				}
				if a, b := s.Presence(c.UserID); (mood{a, b}) != now {
					t.Errorf("told %v, is %v %v", now, a, b)
				}
				last[c.UserID] = now
				c.At = c.At.UTC()
				list = append(list, c)
			})
		})
		return list
	}
	one, two, other := live(5), live(5), live(6)
	if n := len(one); n < 1000 || n > 1400 {
		t.Errorf("%d changes in a minute at 20 a second", n)
	}
	if !slices.Equal(one, two) {
		t.Error("the same seed lives differently")
	}
	if slices.Equal(one, other) {
		t.Error("another seed lives the same")
	}
}

func TestEveryMoodLeadsOn(t *testing.T) {
	for from, steps := range day {
		for _, st := range steps {
			if st.to == from || st.weight <= 0 {
				t.Errorf("%v leads to %+v", from, st)
			}
			if _, ok := day[st.to]; !ok {
				t.Errorf("%v leads nowhere", st.to)
			}
		}
	}
}

func TestDefaultTenantIsRepeatable(t *testing.T) {
	one, two := New(Options{Seed: 3}).Tenant(), New(Options{Seed: 3}).Tenant()
	if one.ID != two.ID || one.App.Secret != two.App.Secret || one.Users[5].ID != two.Users[5].ID || len(one.Users) != 24 {
		t.Error("the same seed makes another tenant")
	}
	if a, b := New(Options{}), New(Options{}); a.Seed() == b.Seed() {
		t.Error("random seeds are the same")
	}
}

func FuzzFilter(f *testing.F) {
	for _, s := range []string{"", "mail eq 'a''b' or userPrincipalName eq 'c'", "id in ('a', 'b')", "startswith(mail,'x') and accountEnabled eq true", "''", "mail eq '", "mail in ("} {
		f.Add(s)
	}
	o := User{ID: "x", Mail: "a'b"}.properties(false)
	f.Fuzz(func(t *testing.T, text string) {
		if keep, err := parseFilter(text); err == nil {
			keep(o)
		}
	})
}

func FuzzResource(f *testing.F) {
	f.Add("/communications/presences?$filter=id in ('b36a4df4-9d72-4b1e-a7f6-97c6e9a6f0a1', 'b36a4df4-9d72-4b1e-a7f6-97c6e9a6f0a2')")
	f.Add("communications/presences/b36a4df4-9d72-4b1e-a7f6-97c6e9a6f0a1")
	f.Fuzz(func(t *testing.T, text string) {
		users, err := parseResource(text)
		if err != nil {
			return
		}
		for id := range users {
			if !isGUID.MatchString(id) || id != strings.ToLower(id) {
				t.Errorf("%q names %q", text, id)
			}
		}
	})
}
