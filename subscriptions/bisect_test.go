package subscriptions

import (
	"math/bits"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// bisectAll runs a bisection against a Graph that refuses whoever it is told to.
func bisectAll(b *bisection, refuses func([]string) bool) (trials int) {
	for next := b.next(); len(next) > 0 && trials < 10_000; next = b.next() {
		b.result(!refuses(next))
		trials++
	}
	return trials
}

func TestBisectionFindsExactlyTheBroken(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := persons(0, rapid.IntRange(2, 650).Draw(t, "people"))
		broken := map[string]bool{}
		for range rapid.IntRange(1, min(4, len(list)-1)).Draw(t, "broken") {
			broken[list[rapid.IntRange(1, len(list)-1).Draw(t, "who")]] = true
		}
		worked := someOf(t, rapid.IntRange(0, min(len(list), 60)).Draw(t, "known"), "worked")
		b := bisect(list, worked)
		trials := bisectAll(b, func(ids []string) bool {
			if !slices.IsSorted(ids) || len(ids) > len(list) || len(slices.Compact(slices.Clone(ids))) != len(ids) {
				t.Fatalf("a trial over %d people that is no list", len(ids))
			}
			return slices.ContainsFunc(ids, func(id string) bool { return broken[id] })
		})
		if len(b.broken) != len(broken) || slices.ContainsFunc(b.broken, func(id string) bool { return !broken[id] }) {
			t.Fatalf("found %v of %v", b.broken, broken)
		}
		if len(b.good)+len(b.broken) != len(list) {
			t.Fatalf("%d good of %d", len(b.good), len(list))
		}
		// Two trials for each halving, and four for the proof.
		if most := 4 + len(broken)*(2*bits.Len(uint(len(list)))+2); trials > most {
			t.Fatalf("%d trials for %d broken of %d, want at most %d", trials, len(broken), len(list), most)
		}
	})
}

func TestBisectionOfOneBrokenIsShort(t *testing.T) {
	list := persons(0, 650)
	for i, id := range list {
		b := bisect(list, nil)
		trials := bisectAll(b, func(ids []string) bool { return slices.Contains(ids, id) })
		if !slices.Equal(b.broken, list[i:i+1]) || trials > 14 {
			t.Fatalf("%d trials to find person %d: %v", trials, i, b.broken)
		}
	}
}

func TestBisectionBlamesNobodyWhenEverythingIsRefused(t *testing.T) {
	b := bisect(persons(0, 650), persons(0, 600))
	if trials := bisectAll(b, func([]string) bool { return true }); trials != 4 || len(b.broken)+len(b.good) != 0 {
		t.Errorf("%d trials, %d blamed", trials, len(b.broken))
	}
}

func TestBisectionBlamesNobodyWhenItPassed(t *testing.T) {
	b := bisect(persons(0, 650), nil)
	if bisectAll(b, func([]string) bool { return false }); len(b.broken) != 0 || len(b.good) != 650 {
		t.Errorf("%d blamed, %d good", len(b.broken), len(b.good))
	}
}

func TestBisectionRestoresMostOfTheCoverFirst(t *testing.T) {
	b := bisect(persons(0, 650), persons(0, 640))
	if first := b.next(); len(first) != 640 {
		t.Errorf("the first trial covers %d people", len(first))
	}
}
