package people

import (
	"bytes"
	"context"
	"iter"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"jtel.de/presencebridge/internal/graph"
)

// following runs a follower over users, which answers each resolution, and
// keeps what happened. It must be called in a bubble.
type following struct {
	*Follower
	dir   *Directory
	calls []time.Time
	diffs []Diff
	told  []error
	log   bytes.Buffer
	mu    sync.Mutex
	stop  func()
}

func follow(t *testing.T, every time.Duration, users func(call int) iter.Seq2[graph.User, error]) *following {
	f := &following{dir: NewDirectory()}
	f.Follower = NewFollower(Options{
		TenantID: tenantA,
		Graph: fakeGraph{users: func() iter.Seq2[graph.User, error] {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.calls = append(f.calls, time.Now())
			return users(len(f.calls))
		}},
		Selection: func() Selection { return Selection{All: true} },
		Directory: f.dir,
		Every:     every,
		Changed:   func(d Diff) { f.diffs = append(f.diffs, d) },
		Observe:   func(err error) { f.told = append(f.told, err) },
		Log:       slog.New(slog.NewTextHandler(&f.log, nil)),
	})
	ctx, cancel := context.WithCancel(t.Context())
	var run sync.WaitGroup
	run.Go(func() {
		if err := f.Run(ctx); err != nil {
			t.Errorf("Run = %v", err)
		}
	})
	f.stop = func() { cancel(); run.Wait() }
	return f
}

// after lets d pass and gives the number of resolutions so far.
func (f *following) after(d time.Duration) int {
	time.Sleep(d)
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.calls)
}

func (f *following) isReady() bool {
	select {
	case <-f.Ready():
		return true
	default:
		return false
	}
}

func TestFollowerKeepsUpToDate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := follow(t, 15*time.Minute, func(call int) iter.Seq2[graph.User, error] {
			if call < 3 {
				return each(nil, user(anna, "anna"))
			}
			return each(nil, user(bert, "bert"))
		})
		if n := f.after(0); n != 1 || !f.isReady() || len(f.diffs) != 1 {
			t.Errorf("at start: %d resolutions, ready %v, %d diffs", n, f.isReady(), len(f.diffs))
		}
		if n := f.after(13*time.Minute + 29*time.Second); n != 1 {
			t.Errorf("%d resolutions before nine tenths of the interval", n)
		}
		if n := f.after(time.Minute + 31*time.Second); n != 2 || len(f.diffs) != 1 {
			t.Errorf("%d resolutions, %d diffs after the interval, want 2 and no new diff", n, len(f.diffs))
		}
		f.Refresh()
		if n := f.after(0); n != 3 || len(f.diffs) != 2 {
			t.Errorf("%d resolutions, %d diffs after a refresh", n, len(f.diffs))
		}
		if d := f.diffs[1]; len(d.Added) != 1 || len(d.Removed) != 1 || d.Removed[0].ID != anna {
			t.Errorf("diff = %+v", d)
		}
		f.stop()
	})
}

func TestFollowerRetriesUntilTheFirstSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := follow(t, 15*time.Minute, func(call int) iter.Seq2[graph.User, error] {
			if call <= 10 {
				return each(&graph.Error{Status: 503, Code: "ServiceUnavailable"}, user(anna, "anna"))
			}
			return each(nil, user(anna, "anna"))
		})
		// 1+2+4+8+16+32+60... seconds, each at least half of it.
		if n := f.after(20 * time.Second); n < 5 || f.isReady() {
			t.Errorf("%d tries in 20 s, ready %v", n, f.isReady())
		}
		if n := f.after(6 * time.Minute); n != 11 || !f.isReady() {
			t.Errorf("%d tries, ready %v", n, f.isReady())
		}
		f.stop()
		if len(f.told) != 11 || graph.Classify(f.told[0]) != graph.Transient || f.told[10] != nil {
			t.Errorf("told how they went: %v", f.told)
		}
		if n := strings.Count(f.log.String(), "could not be read"); n != 1 {
			t.Errorf("the same failure was logged %d times:\n%s", n, &f.log)
		}
	})
}

func TestFollowerKeepsTheKnownPeopleOnErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := follow(t, time.Minute, func(call int) iter.Seq2[graph.User, error] {
			if call == 1 {
				return each(nil, user(anna, "anna"), user(bert, "bert"))
			}
			return each(&graph.Error{Status: 500}, user(anna, "anna"))
		})
		if n := f.after(10 * time.Minute); n < 5 {
			t.Errorf("%d tries", n)
		}
		if got := f.dir.IDs(tenantA); len(got) != 2 {
			t.Errorf("a failed resolution left %v", got)
		}
		f.stop()
	})
}

func TestFollowerIsSlowWhereOnlyAnOperatorHelps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := &graph.SignInError{Who: "agent1@contoso.com", AADSTS: 7000222, Meaning: "the client secret has expired", Advice: "make a new secret", Permanent: true}
		f := follow(t, 15*time.Minute, func(int) iter.Seq2[graph.User, error] { return each(refused) })
		if n := f.after(24 * time.Hour); n < 24*6 || n > 24*12+10 {
			t.Errorf("%d tries in a day, want one each 5 to 10 minutes", n)
		}
		f.stop()
		log := f.log.String()
		if strings.Count(log, "level=ERROR") != 1 || !strings.Contains(log, "nobody is watched until they can") ||
			!strings.Contains(log, "make a new secret") || !strings.Contains(log, "AADSTS7000222") {
			t.Errorf("log:\n%s", log)
		}
		if strings.Contains(log, "@") {
			t.Errorf("the log names somebody:\n%s", log)
		}
	})
}

func TestFollowerObeysRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := follow(t, 15*time.Minute, func(call int) iter.Seq2[graph.User, error] {
			if call == 1 {
				return each(&graph.Error{Status: 429, RetryAfter: 5 * time.Minute})
			}
			return each(nil, user(anna, "anna"))
		})
		f.after(0)
		f.Refresh() // waits, too
		if n := f.after(5*time.Minute - time.Second); n != 1 {
			t.Errorf("%d tries before Retry-After", n)
		}
		if n := f.after(2 * time.Second); n != 3 {
			t.Errorf("%d tries after it, want the retry and the waiting refresh", n)
		}
		f.stop()
	})
}

func TestLogsNameNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := follow(t, 15*time.Minute, func(int) iter.Seq2[graph.User, error] { return each(nil) })
		f.stop()
		f.o.Graph = fakeGraph{user: func(key string) (graph.User, error) {
			if key == "nobody@contoso.com" {
				return graph.User{}, notFound
			}
			return graph.User{}, &graph.Error{Status: 500, Message: "no luck with " + key, RequestID: "r1"}
		}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for _, users := range [][]string{{"nobody@contoso.com"}, {"agent1@contoso.com"}} {
			f.o.Selection = func() Selection { return Selection{Users: users} }
			if err := f.resolve(ctx); err != nil {
				f.failed(ctx, err)
			}
		}
		if missed := f.Missed(); len(missed) != 1 || missed[0].Entry != "nobody@contoso.com" {
			t.Errorf("missed %v", missed) // a resolution that fails takes nothing away
		}
		log := f.log.String()
		if !strings.Contains(log, "entries=1") || !strings.Contains(log, "request_id=r1") {
			t.Errorf("the log does not tell of the mistakes:\n%s", log)
		}
		if strings.Contains(log, "@") {
			t.Errorf("the log names somebody:\n%s", log)
		}
	})
}
