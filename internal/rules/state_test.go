package rules

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var (
	start       = time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)
	free        = Verdict{Then: Reachable, By: By{"free", 3}, Hold: 10 * time.Second}
	busy        = Verdict{Then: Unreachable, By: By{"busy", 2}, Hold: 10 * time.Second}
	shrug       = Verdict{Then: Unchanged, By: By{"otherwise", 1}, Hold: 10 * time.Second}
	atOnce      = Verdict{Then: Reachable, By: By{"free", 3}}
	unreachable = State{Decision: Unreachable, By: By{"busy", 2}, Since: start}
	reachable   = State{Decision: Reachable, By: By{"free", 3}, Since: start}
)

func at(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }

func holding(s State, until int) State {
	s.Hold = &Hold{at(until), By{"free", 3}}
	return s
}

func TestApply(t *testing.T) {
	for name, tt := range map[string]struct {
		before        State
		verdict       Verdict
		observed, now int
		want          State
	}{
		"busy first":           {State{}, busy, 0, 0, unreachable},
		"busy after free":      {State{Decision: Reachable}, busy, 0, 0, unreachable},
		"busy still":           {unreachable, Verdict{Then: Unreachable, By: By{"other", 9}}, 5, 5, unreachable},
		"busy ends the hold":   {holding(unreachable, 8), busy, 5, 5, unreachable},
		"free first":           {State{}, free, 0, 0, holding(State{}, 10)},
		"free after busy":      {unreachable, free, 5, 6, holding(unreachable, 15)},
		"free keeps the hold":  {holding(unreachable, 15), free, 9, 9, holding(unreachable, 15)},
		"free still":           {reachable, free, 9, 9, reachable},
		"free without a hold":  {unreachable, atOnce, 0, 0, reachable},
		"hold given up":        {holding(unreachable, 15), atOnce, 0, 0, reachable},
		"observed long ago":    {unreachable, free, -60, 0, holding(unreachable, -50)},
		"observed in future":   {unreachable, free, 60, 0, holding(unreachable, 10)},
		"unchanged first":      {State{}, shrug, 0, 0, State{}},
		"unchanged":            {reachable, shrug, 0, 9, reachable},
		"unchanged and a hold": {holding(unreachable, 15), shrug, 9, 9, holding(unreachable, 15)},
	} {
		t.Run(name, func(t *testing.T) {
			got := tt.before.Apply(tt.verdict, at(tt.observed), at(tt.now))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("state (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSettle(t *testing.T) {
	s := holding(unreachable, 10)
	if got := s.Settle(at(10).Add(-1)); !cmp.Equal(s, got) {
		t.Errorf("too early: %+v", got)
	}
	want := State{Decision: Reachable, By: By{"free", 3}, Since: at(10)}
	if got := s.Settle(at(10)); !cmp.Equal(want, got) {
		t.Errorf("in time: %+v", got)
	}
	if got := unreachable.Settle(at(1000)); !cmp.Equal(unreachable, got) {
		t.Errorf("nothing on hold: %+v", got)
	}
}

// What was seen of a person, told by itself: the reference that Apply and Settle
// are held against.
type seen struct {
	at   time.Time
	then string
}

func TestProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hold := time.Duration(rapid.IntRange(0, 20).Draw(t, "hold")) * time.Second
		var history []seen
		var s State
		now := start
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 8000).Draw(t, "ms")) * time.Millisecond)
			before := s
			if rapid.Bool().Draw(t, "settle") {
				s = s.Settle(now)
				if twice := s.Settle(now); !cmp.Equal(s, twice) {
					t.Fatalf("settled twice: %+v, then %+v", s, twice)
				}
			} else {
				then := rapid.SampledFrom([]string{Reachable, Unreachable, Unchanged}).Draw(t, "then")
				history = append(history, seen{now, then})
				v := Verdict{Then: then, By: By{then, 1}, Hold: hold}
				s = before.Apply(v, now, now)
				if again := before.Apply(v, now, now); !cmp.Equal(s, again) {
					t.Fatalf("not deterministic: %+v and %+v", s, again)
				}
				if repeat := s.Apply(v, now, now); !cmp.Equal(s, repeat) {
					t.Fatalf("a repeat changed %+v to %+v", s, repeat)
				}
				if then == Unchanged && !cmp.Equal(before, s) {
					t.Fatalf("unchanged changed %+v to %+v", before, s)
				}
				if then == Unreachable && (s.Decision != Unreachable || s.Hold != nil) {
					t.Fatalf("busy did not take effect at once: %+v", s)
				}
			}
			if s.Decision == Reachable && before.Decision != Reachable && freeSince(history, now) < hold {
				t.Fatalf("reachable at %s with a hold of %s after %v", now, hold, history)
			}
			s = restarted(t, s)
		}
		// Left alone, it ends as the last word says.
		s = s.Settle(now.Add(hold))
		for i := len(history) - 1; i >= 0; i-- {
			if history[i].then != Unchanged {
				if s.Decision != history[i].then {
					t.Fatalf("ended as %+v after %v", s, history)
				}
				return
			}
		}
		if s.Decision != "" {
			t.Fatalf("decided %+v out of nothing", s)
		}
	})
}

// freeSince is how long the person has been free without a break.
func freeSince(history []seen, now time.Time) time.Duration {
	var since time.Duration = -1
	for i := len(history) - 1; i >= 0 && history[i].then != Unreachable; i-- {
		if history[i].then == Reachable {
			since = now.Sub(history[i].at)
		}
	}
	return since
}

// restarted is the state after it was kept and read again.
func restarted(t *rapid.T, s State) State {
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var again State
	if err := json.Unmarshal(text, &again); err != nil {
		t.Fatal(err)
	}
	if !cmp.Equal(s, again) {
		t.Fatalf("kept %+v, read %+v", s, again)
	}
	return again
}

func TestPatternProperties(t *testing.T) {
	alphabet := rapid.StringOfN(rapid.RuneFrom([]rune("aAbÄä")), 0, 8, -1)
	rapid.Check(t, func(t *rapid.T) {
		text, more := alphabet.Draw(t, "text"), alphabet.Draw(t, "more")
		for _, p := range []string{text, "*", text + "*", "*" + text, "*" + text + "*", text + "**"} {
			if !matches(newPattern(p), text) {
				t.Fatalf("%q does not match %q", p, text)
			}
		}
		if !matches(newPattern(text+"*"+more), text+"x"+more) || !matches(newPattern(text+"?"+more), text+"x"+more) {
			t.Fatalf("%q in %q", more, text)
		}
		if matches(newPattern(text+"?"), text) {
			t.Fatalf("? matched nothing after %q", text)
		}
	})
}
