package people

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"jtel.de/presencebridge/internal/graph"
)

var (
	several = &graph.Error{Status: 400, Message: "several groups have this name", Err: graph.ErrAmbiguous}
	noID    = &graph.Error{Status: 400, Code: "Request_BadRequest", Message: "Invalid object identifier 'sales'."}
	badCall = &graph.Error{Status: 400, Code: "BadRequest", Message: "Unsupported query."}
)

// office is a directory whose parts a test takes away while everybody waits.
type office struct {
	*Follower
	dir    *Directory
	sales  error // of the group's look-up
	nobody bool  // of its members is left
	gone   map[string]bool
	log    bytes.Buffer
	stop   func()
	mu     sync.Mutex // only for fence
}

// fence orders what a test did before it let time pass before what the follower
// reads after it, which virtual time alone does not.
func (o *office) fence() {
	o.mu.Lock()
	defer o.mu.Unlock()
}

// work follows a selection in a bubble.
func work(t *testing.T, s Selection, sales error) *office {
	o := &office{dir: NewDirectory(), sales: sales, gone: map[string]bool{}}
	all := contoso()
	g := all
	g.group = func(key string) (graph.Group, error) {
		o.fence()
		if key == "sales" && o.sales != nil {
			return graph.Group{}, fmt.Errorf("find group: %w", o.sales)
		}
		return all.group(key)
	}
	g.members = func(id string) iter.Seq2[graph.User, error] {
		o.fence()
		if o.nobody {
			return each(nil)
		}
		return all.members(id)
	}
	g.user = func(key string) (graph.User, error) {
		o.fence()
		if o.gone[key] {
			return graph.User{}, notFound
		}
		return all.user(key)
	}
	o.Follower = NewFollower(Options{
		TenantID: tenantA, Graph: g, Selection: func() Selection { return s }, Directory: o.dir,
		Every: 15 * time.Minute, Log: slog.New(slog.NewTextHandler(&o.log, nil)),
	})
	ctx, cancel := context.WithCancel(t.Context())
	var run sync.WaitGroup
	run.Go(func() {
		if err := o.Run(ctx); err != nil {
			t.Errorf("Run = %v", err)
		}
	})
	o.stop = func() { cancel(); run.Wait() }
	synctest.Wait()
	return o
}

func (o *office) expect(t *testing.T, d time.Duration, want ...string) {
	t.Helper()
	o.fence()
	time.Sleep(d)
	synctest.Wait()
	if got := o.dir.IDs(tenantA); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("watched are %v, want %v", got, want)
	}
}

// A group that is renamed takes nobody away until an operator says so.
func TestAGroupThatWasFoundIsNotLost(t *testing.T) {
	for name, tt := range map[string]struct {
		err    error
		reload []string // who is left after it
	}{
		"renamed":      {notFound, []string{bert}},
		"several":      {several, []string{bert}},
		"not an id":    {noID, []string{bert}},
		"other demand": {badCall, []string{anna, bert}}, // a fault of the call says nothing of the group
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := work(t, Selection{Groups: []string{"sales"}, Users: []string{bert}}, nil)
				o.expect(t, 0, anna, bert)
				o.sales = tt.err
				o.expect(t, 24*time.Hour, anna, bert)
				log := o.log.String()
				if strings.Count(log, "level=ERROR") != 1 || !strings.Contains(log, "the known ones stay") {
					t.Errorf("want one error:\n%s", log)
				}
				if tt.err != badCall && (!strings.Contains(log, "sales") || !strings.Contains(log, "correct people.groups")) {
					t.Errorf("want the entry and the advice:\n%s", log)
				}
				o.Refresh()
				o.expect(t, 0, tt.reload...)

				o.sales = nil
				o.expect(t, 15*time.Minute, anna, bert)
				o.sales = tt.err // a reload counts once
				o.expect(t, time.Hour, anna, bert)
				o.stop()
			})
		})
	}
}

func TestAtTheStartAGroupThatIsNotThereIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := work(t, Selection{Groups: []string{"sales"}, Users: []string{bert}}, notFound)
		o.expect(t, time.Hour, bert)
		o.stop()
		if log := o.log.String(); strings.Contains(log, "level=ERROR") || strings.Count(log, "match nobody") != 1 {
			t.Errorf("want one warning:\n%s", log)
		}
	})
}

func TestAReloadThatFailsIsStillOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := work(t, Selection{Groups: []string{"sales"}, Users: []string{bert}}, nil)
		o.sales = &graph.Error{Status: 503}
		o.Refresh()
		o.expect(t, time.Second, anna, bert)
		o.sales = notFound
		o.expect(t, 10*time.Minute, bert)
		o.stop()
	})
}

func TestOneUserLeavesAllAtOnceDoNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := work(t, Selection{Users: []string{anna, bert, cleo}}, nil)
		o.gone[anna] = true
		o.expect(t, 15*time.Minute, bert, cleo)
		if log := o.log.String(); strings.Contains(log, "level=ERROR") {
			t.Errorf("who leaves is no error:\n%s", log)
		}
		o.gone[bert], o.gone[cleo] = true, true
		o.expect(t, 24*time.Hour, bert, cleo)
		if log := o.log.String(); strings.Count(log, "level=ERROR") != 1 || !strings.Contains(log, "people.users") {
			t.Errorf("want one error with advice:\n%s", log)
		}
		o.Refresh()
		o.expect(t, 0)
		o.stop()
	})
}

func TestAGroupThatEmptiesIsNotEverybody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := work(t, Selection{Groups: []string{"sales"}}, nil)
		o.nobody = true
		o.expect(t, 24*time.Hour, anna)
		o.Refresh()
		o.expect(t, 0)
		o.stop()
	})
}

func TestAnEmptySelectionIsMeant(t *testing.T) {
	f := newTestFollower(contoso())
	for _, s := range []Selection{{Users: []string{anna}}, {}} {
		f.o.Selection = func() Selection { return s }
		if err := f.resolve(t.Context()); err != nil || len(f.o.Directory.IDs(tenantA)) != len(s.Users) {
			t.Errorf("%v: %v", f.o.Directory.IDs(tenantA), err)
		}
	}
}

func TestNamesNobody(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{notFound, true},
		{several, true},
		{noID, true},
		{badCall, false},
		{&graph.Error{Status: 410}, false},
		{&graph.Error{Status: 409}, false},
		{&graph.Error{Status: 403}, false},
		{&graph.Error{Status: 503}, false},
		{context.DeadlineExceeded, false},
	} {
		if got := namesNobody(tt.err); got != tt.want {
			t.Errorf("%v: %v", tt.err, got)
		}
	}
}

func TestAFailureIsToldForPeople(t *testing.T) {
	if diff := cmp.Diff("sign-in refused: Entra ID could not be asked", causeOf(&graph.SignInError{Meaning: "Entra ID could not be asked"})); diff != "" {
		t.Error(diff)
	}
	synctest.Test(t, func(t *testing.T) {
		o := work(t, Selection{Groups: []string{"sales"}}, &graph.Error{Status: 429, RetryAfter: 12_345_678_901})
		o.stop()
		if log := o.log.String(); !strings.Contains(log, "next=12.3s\n") {
			t.Errorf("the next try is not told to a tenth of a second:\n%s", log)
		}
	})
}
