package coverage

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var epoch = time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)

// at is so many seconds after the subscription was made.
func at(seconds int) time.Time { return epoch.Add(time.Duration(seconds) * time.Second) }

// play runs a record through a script: "120 found anna" is a sweep of second
// 120 that finds anna changed, whom the sweep before had confirmed.
func play(script string) (r *record, said string) {
	r = newRecord(epoch)
	for line := range strings.SplitSeq(script, ",") {
		var second int
		var what, who string
		fmt.Sscan(line, &second, &what, &who)
		now := at(second)
		switch what {
		case "found":
			r.found(who, at(second-120), now)
		case "heard":
			if r.heard(who, now) {
				said += fmt.Sprint(second, " delivers ")
			}
		case "gap":
			r.gap(now)
		case "replaced":
			r.replaced(now)
		case "judge":
			fell, recreate := r.judge(now, MaxLatency)
			if fell {
				said += fmt.Sprint(second, " silent ")
			}
			if recreate {
				said += fmt.Sprint(second, " recreate ")
			}
		default:
			panic(line)
		}
	}
	return r, strings.TrimSpace(said)
}

func TestSilence(t *testing.T) {
	for name, tt := range map[string]struct{ script, want, deaf string }{
		"a quiet tenant":                     {script: "600 judge, 86400 judge"},
		"not before graph's latency is over": {script: "120 found anna, 179 judge"},
		"nothing is delivered":               {script: "120 found anna, 180 judge", want: "180 silent 180 recreate"},
		"a sweep that raced a notification":  {script: "120 found anna, 125 heard anna, 180 judge"},
		"a late notification takes it back":  {script: "120 found anna, 180 judge, 190 heard anna, 240 judge", want: "180 silent 180 recreate 190 delivers"},
		"one broken person":                  {script: "120 found anna, 150 heard bert, 180 judge", deaf: "anna"},
		"the broken are no witnesses":        {script: "120 found anna, 150 heard bert, 180 judge, 240 found anna, 300 judge", deaf: "anna"},
		"nor do they hide silence":           {script: "120 found anna, 150 heard bert, 180 judge, 240 found bert, 300 judge", want: "300 silent 300 recreate", deaf: "anna"},
		"deaf no more":                       {script: "120 found anna, 150 heard bert, 180 judge, 200 heard anna"},
		"what was on its way is no proof":    {script: "120 found anna, 120 found bert, 125 heard bert, 180 judge", want: "180 silent 180 recreate"},
		"two were on their way":              {script: "125 found anna, 130 found anna, 130 found bert, 180 heard anna, 185 judge, 186 heard anna, 190 judge", want: "190 silent 190 recreate"},
		"one of two came, then a third":      {script: "125 found anna, 125 found bert, 126 heard anna, 130 found anna, 131 heard anna, 185 judge", want: "185 silent 185 recreate"},
		"the change began before":            {script: "60 found anna, 300 judge"},
		"a known gap":                        {script: "130 gap, 240 found anna, 300 judge"},
		"we turned them away":                {script: "120 found anna, 130 gap, 300 judge"},
		"the new one is not proved":          {script: "120 found anna, 180 judge, 181 replaced, 86400 judge, 90000 heard bert", want: "180 silent 180 recreate 90000 delivers"},
		"the new one is silent, too":         {script: "120 found anna, 180 judge, 181 replaced, 320 found anna, 380 judge, 779 judge, 780 judge, 1979 judge, 1980 judge", want: "180 silent 180 recreate 780 recreate 1980 recreate"},
		"who was missed till then is deaf":   {script: "120 found anna, 180 judge, 190 heard bert, 300 judge", want: "180 silent 180 recreate 190 delivers", deaf: "anna"},
		"late about one proves for all":      {script: "120 found anna, 120 found bert, 180 judge, 190 heard bert, 300 judge", want: "180 silent 180 recreate 190 delivers", deaf: "anna"},
	} {
		t.Run(name, func(t *testing.T) {
			r, said := play(tt.script)
			if said != tt.want {
				t.Errorf("said %q, want %q", said, tt.want)
			}
			if r.silent == r.pushes("nobody in particular") {
				t.Error("silent, and trusted all the same")
			}
			for _, who := range []string{"anna", "bert"} {
				if r.deaf[who] != (who == tt.deaf) {
					t.Errorf("deaf: %v", r.deaf)
				}
			}
		})
	}
}

// world is a subscription and its people, second by second: everybody is swept
// at once, and until it stalls every change is told within Graph's latency.
type world struct {
	r        *record
	interval int
	persons  [8]simulated
}

type simulated struct {
	name         string
	state, known int // as it is, and as we know it
	confirmed    time.Time
	inFlight     []told
	untold       bool // changed after the stall
}

type told struct{ state, arrives int }

// change is one of a person; with a late enough stall it is told.
type change struct{ second, person, latency int }

func newWorld(t *rapid.T) (*world, map[int]change) {
	w := &world{r: newRecord(epoch), interval: rapid.IntRange(5, 200).Draw(t, "interval")}
	for i := range w.persons {
		w.persons[i] = simulated{name: fmt.Sprint("person ", i), confirmed: epoch}
	}
	changes := map[int]change{}
	for _, c := range rapid.SliceOf(rapid.Custom(func(t *rapid.T) change {
		return change{rapid.IntRange(1, 1800).Draw(t, "second"), rapid.IntRange(0, 7).Draw(t, "who"), rapid.IntRange(0, 59).Draw(t, "latency")}
	})).Draw(t, "changes") {
		changes[c.second] = c
	}
	return w, changes
}

func (w *world) change(c change, stalled bool) {
	p := &w.persons[c.person]
	p.state++
	if stalled {
		p.untold = true
		return
	}
	arrives := c.second + c.latency
	if n := len(p.inFlight); n > 0 { // the later one does not overtake
		arrives = max(arrives, p.inFlight[n-1].arrives)
	}
	p.inFlight = append(p.inFlight, told{p.state, arrives})
}

// second delivers, sweeps when it is time, and tells who was missed for good.
func (w *world) second(now int) (missed bool) {
	for i := range w.persons {
		p := &w.persons[i]
		for len(p.inFlight) > 0 && p.inFlight[0].arrives <= now {
			p.known, p.confirmed = max(p.known, p.inFlight[0].state), at(now)
			p.inFlight = p.inFlight[1:]
			w.r.heard(p.name, at(now))
		}
	}
	// What is still on its way tells of somebody later, and then the one who was
	// missed is deaf, not the subscription silent.
	onItsWay := slices.ContainsFunc(w.persons[:], func(p simulated) bool { return len(p.inFlight) > 0 })
	for i := range w.persons {
		p := &w.persons[i]
		if now%w.interval != 0 {
			break
		}
		if p.known != p.state {
			missed = missed || p.untold && !onItsWay && !p.confirmed.Before(w.r.since)
			w.r.found(p.name, p.confirmed, at(now))
		}
		p.known, p.confirmed = p.state, at(now)
	}
	return missed
}

func TestWhatDeliversIsNeverSilent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, changes := newWorld(t)
		for now := 1; now < 2000; now++ {
			if c, ok := changes[now]; ok {
				w.change(c, false)
			}
			w.second(now)
			if fell, _ := w.r.judge(at(now), MaxLatency); fell || len(w.r.deaf) > 0 {
				t.Fatalf("second %d: silent %v, deaf %v", now, fell, w.r.deaf)
			}
		}
	})
}

// A change that is found with no notification on its way is noticed to be
// missed when Graph's latency is over; and nothing is made anew in a loop.
func TestStallsAreNoticed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, changes := newWorld(t)
		stall := rapid.IntRange(1, 900).Draw(t, "stall")
		noticed, recreations := 0, 0
		for now := 1; now < 3600; now++ {
			if c, ok := changes[now]; ok {
				w.change(c, now >= stall)
			}
			if w.second(now) && noticed == 0 {
				noticed = now + 60
			}
			fell, recreate := w.r.judge(at(now), MaxLatency)
			if fell && now < stall {
				t.Fatalf("silent at %d, before it stalled at %d", now, stall)
			}
			if noticed > 0 && now >= noticed && !w.r.silent {
				t.Fatalf("not silent at %d: stalled at %d, missed at %d", now, stall, noticed-60)
			}
			if recreate {
				recreations++
				w.r.replaced(at(now)) // and it stalls, too
			}
		}
		if most := 1 + 3600/600; recreations > most {
			t.Fatalf("made anew %d times in an hour", recreations)
		}
	})
}
