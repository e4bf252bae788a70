package sweep

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"jtel.de/presencebridge/internal/graph"
)

// tenant is a Graph and an intake at once, for one tenant.
type tenant struct {
	mu       sync.Mutex
	reads    [][]string
	fail     error  // of the next reads
	broken   string // cannot be read, nor anybody with them
	refuse   error  // of the next accepts
	accepted []graph.Reading
}

func (t *tenant) Presences(_ context.Context, ids []string) ([]graph.Presence, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.reads = append(t.reads, ids)
	if t.fail != nil {
		return nil, t.fail
	}
	if slices.Contains(ids, t.broken) {
		return nil, &graph.Error{Status: 500, Code: "InternalServerError"}
	}
	out := []graph.Presence{{UserID: "nobody asked for this one"}}
	for _, id := range ids {
		out = append(out, graph.Presence{UserID: id, Availability: "Available"})
	}
	return out, nil
}

func (t *tenant) accept(_ context.Context, readings []graph.Reading) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.refuse != nil {
		return t.refuse
	}
	t.accepted = append(t.accepted, readings...)
	return nil
}

func (t *tenant) set(fail, refuse error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fail, t.refuse = fail, refuse
}

func (t *tenant) setBroken(userID string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.broken = userID
}

func (t *tenant) counts() (reads, accepted int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.reads), len(t.accepted)
}

func people(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("%08d-0000-0000-0000-000000000000", i)
	}
	return ids
}

// run starts a sweeper over n people and stops it when the test ends.
func run(t *testing.T, n int, log *strings.Builder) (*Sweeper, *tenant) {
	t.Helper()
	tt := &tenant{}
	s := New(options(tt, n, log))
	keepRunning(t, s)
	return s, tt
}

// start is run with other options.
func start(t *testing.T, n int, set func(*Options)) *tenant {
	t.Helper()
	tt := &tenant{}
	o := options(tt, n, new(strings.Builder))
	set(&o)
	keepRunning(t, New(o))
	return tt
}

func options(tt *tenant, n int, log *strings.Builder) Options {
	return Options{
		TenantID: "t", Reader: tt, People: func() []string { return people(n) }, Accept: tt.accept,
		Interval: 2 * time.Minute, Log: slog.New(slog.NewTextHandler(log, nil)),
	}
}

func keepRunning(t *testing.T, s *Sweeper) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func TestStartReadsEverybodyInChunks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, tt := run(t, 1400, new(strings.Builder))
		s.AskAll(graph.OriginStart)
		s.Ask(graph.OriginSweep, people(1)...) // asked for twice: start wins
		time.Sleep(time.Second)
		synctest.Wait()
		if len(tt.reads) != 3 || len(tt.reads[0]) != graph.MaxPeople || len(tt.reads[2]) != 100 {
			t.Fatalf("%d reads, want 650, 650 and 100 people", len(tt.reads))
		}
		if len(tt.accepted) != 1400 {
			t.Fatalf("%d readings", len(tt.accepted))
		}
		for _, r := range tt.accepted {
			if r.Origin != graph.OriginStart || r.TenantID != "t" || r.AskedAt.IsZero() || r.ObservedAt.Before(r.AskedAt) {
				t.Fatalf("reading %+v", r)
			}
		}
	})
}

func TestEveryInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, tt := run(t, 3, new(strings.Builder))
		time.Sleep(11 * time.Minute)
		synctest.Wait()
		if len(tt.reads) != 5 || tt.accepted[0].Origin != graph.OriginSweep {
			t.Errorf("%d reads in 11 minutes, want 5", len(tt.reads))
		}
	})
}

func TestBurstsShareARead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, tt := run(t, 10, new(strings.Builder))
		for _, id := range people(10) {
			s.Ask(graph.OriginSweep, id)
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if len(tt.reads) != 1 || len(tt.accepted) != 10 {
			t.Errorf("%d reads for %d people, want one read", len(tt.reads), len(tt.accepted))
		}
	})
}

func TestFailuresAreAskedAgain(t *testing.T) {
	for name, set := range map[string]func(*tenant, error){
		"graph": func(t *tenant, err error) { t.set(err, nil) },
		"bus":   func(t *tenant, err error) { t.set(nil, err) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := new(strings.Builder)
				s, tt := run(t, 700, log)
				set(tt, errors.New("away"))
				s.AskAll(graph.OriginStart)
				time.Sleep(30 * time.Second)
				synctest.Wait()
				if n := len(tt.reads); n < 4 || n > 6 {
					t.Errorf("%d tries in 30 s, want them to slow down from 1 s", n)
				}
				set(tt, nil)
				time.Sleep(30 * time.Second)
				synctest.Wait()
				if len(tt.accepted) != 700 || tt.accepted[699].Origin != graph.OriginStart {
					t.Errorf("%d people read in the end", len(tt.accepted))
				}
				if text := log.String(); strings.Count(text, "cannot be read or stored") != 1 || strings.Count(text, "again") != 1 {
					t.Errorf("log:\n%s", text)
				}
			})
		})
	}
}

// Who is not trusted to be pushed is read every fast interval, everybody else
// at the sweep's.
func TestUntrustedAreReadFast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var doubts atomic.Bool
		tt := start(t, 1400, func(o *Options) {
			o.FastInterval = 5 * time.Second
			o.Untrusted = func() []string {
				if doubts.Load() {
					return people(2)
				}
				return nil
			}
		})
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(tt.reads) != 0 {
			t.Errorf("%d reads although everybody is trusted", len(tt.reads))
		}
		doubts.Store(true)
		time.Sleep(59 * time.Second)
		synctest.Wait()
		if len(tt.reads) != 11 || len(tt.reads[3]) != 2 {
			t.Errorf("%d reads in 59 seconds, want 11 of 2 people", len(tt.reads))
		}
	})
}

// Graph allows 1,500 reads in 30 s, however many people there are.
func TestReadsArePaced(t *testing.T) {
	everybody := people(30_000)
	synctest.Test(t, func(t *testing.T) {
		tt := start(t, 0, func(o *Options) {
			o.FastInterval, o.Untrusted = time.Second, func() []string { return everybody }
		})
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if n := len(tt.reads); n > 10*40 || n < 10*30 {
			t.Errorf("%d reads in 10 seconds, want nearly 40 a second", n)
		}
	})
}

// One of 3,000 whom Graph cannot read: everybody else is read, in every round.
func TestABrokenPersonHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := new(strings.Builder)
		s, tt := run(t, 3000, log)
		tt.setBroken(people(3000)[17])
		s.AskAll(graph.OriginStart)
		time.Sleep(time.Minute)
		synctest.Wait()
		if reads, accepted := tt.counts(); accepted != 2999 || reads > 5+maxTrials {
			t.Fatalf("%d of 3,000 people read in %d reads", accepted, reads)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if _, accepted := tt.counts(); accepted != 2*2999 {
			t.Errorf("%d readings after the next interval", accepted)
		}
		tt.setBroken("")
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if _, accepted := tt.counts(); accepted != 2*2999+3000 {
			t.Errorf("%d readings in the end", accepted)
		}
		if n := strings.Count(log.String(), "some people cannot be read"); n != 1 {
			t.Errorf("said %d times", n)
		}
	})
}

func TestOperatorErrorsWaitForSomebody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, tt := run(t, 1, new(strings.Builder))
		tt.set(&graph.Error{Status: 403, Message: "Insufficient privileges to complete the operation."}, nil)
		s.AskAll(graph.OriginStart)
		time.Sleep(9 * time.Minute)
		synctest.Wait()
		if len(tt.reads) != 1 {
			t.Errorf("%d tries in 9 minutes, want 1", len(tt.reads))
		}
		tt.set(nil, nil)
		s.Retry()
		time.Sleep(time.Second)
		synctest.Wait()
		if len(tt.accepted) == 0 { // once, or twice with the interval that came meanwhile
			t.Error("not read after Retry")
		}
	})
}

func TestRetryAfterIsObeyed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, tt := run(t, 1, new(strings.Builder))
		tt.set(&graph.Error{Status: 429, RetryAfter: 40 * time.Second}, nil)
		s.AskAll(graph.OriginStart)
		time.Sleep(39 * time.Second)
		synctest.Wait()
		if len(tt.reads) != 1 {
			t.Errorf("%d tries before Retry-After was over", len(tt.reads))
		}
		tt.set(nil, nil)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if len(tt.accepted) != 1 {
			t.Error("not read after Retry-After")
		}
	})
}

func TestRoundsAreObserved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rounds []Round
		tt := start(t, 700, func(o *Options) { o.Observe = func(r Round) { rounds = append(rounds, r) } })
		time.Sleep(3 * time.Minute)
		tt.set(&graph.Error{Status: 403}, nil)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if len(rounds) != 2 || rounds[0].Read != 700 || rounds[0].Err != nil || rounds[0].Took < pace {
			t.Fatalf("rounds %+v", rounds)
		}
		if rounds[1].Read != 0 || graph.Classify(rounds[1].Err) != graph.Operator {
			t.Errorf("a refused round: %+v", rounds[1])
		}
	})
}
