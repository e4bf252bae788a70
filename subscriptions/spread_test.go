package subscriptions

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"jtel.de/presencebridge/internal/graph"
)

// person is the id of the n-th of many people; they sort by number.
func person(n int) string { return fmt.Sprintf("%08x-9d72-4b1e-a7f6-97c6e9a6f0a1", n) }

// persons are those from first up to and without end.
func persons(first, end int) []string {
	ids := make([]string, 0, end-first)
	for n := first; n < end; n++ {
		ids = append(ids, person(n))
	}
	return ids
}

func TestSpread(t *testing.T) {
	has := func(key string, first, end int) Place {
		return Place{Key: key, Assigned: persons(first, end), Holds: persons(first, end)}
	}
	empty := func(key string) Place { return Place{Key: key} }
	for _, tt := range []struct {
		name     string
		people   []string
		places   []Place
		want     []int // how many each gets
		unplaced int
	}{
		{"a first start fills one after the other", persons(0, 1000), []Place{empty("a"), empty("b"), empty("c")}, []int{650, 350, 0}, 0},
		{"more people than places", persons(0, 1400), []Place{empty("a"), empty("b")}, []int{650, 650}, 100},
		{"nobody moves", persons(0, 600), []Place{has("a", 0, 200), has("b", 200, 400), has("c", 400, 600)}, []int{200, 200, 200}, 0},
		{"newcomers leave the spare one alone", persons(0, 610), []Place{has("a", 0, 600), empty("b")}, []int{610, 0}, 0},
		{"newcomers go to one account, the one with the most room", persons(0, 910), []Place{has("a", 0, 600), has("b", 600, 900)}, []int{600, 310}, 0},
		{"newcomers go where people left", persons(1, 910), []Place{has("a", 0, 600), has("b", 600, 900)}, []int{609, 300}, 0},
		{"newcomers who fit nowhere else take the spare one", persons(0, 700), []Place{has("a", 0, 600), empty("b")}, []int{600, 100}, 0},
		{"an account that is gone leaves its people to one that is empty", persons(0, 1200), []Place{has("a", 0, 600), empty("b")}, []int{600, 600}, 0},
		{"a new account takes who had no place", persons(0, 700), []Place{has("a", 0, 650), empty("b")}, []int{650, 50}, 0},
		{"of two that overlap the one with more of today's people keeps them", persons(0, 605), []Place{has("a", 0, 600), has("b", 0, 605)}, []int{0, 605}, 0},
		{"of two that overlap the one without leavers keeps them", persons(5, 600), []Place{has("a", 0, 600), has("b", 5, 600)}, []int{0, 595}, 0},
		{"one that is not known yet is filled before others change", persons(0, 700), []Place{has("a", 0, 600), {Key: "b", Unknown: true}}, []int{600, 100}, 0},
		{"nobody", nil, []Place{has("a", 0, 3)}, []int{0}, 0},
		{"no account", persons(0, 3), nil, nil, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			assigned, unplaced := Spread(tt.people, tt.places)
			var got []int
			for _, ids := range assigned {
				got = append(got, len(ids))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || len(unplaced) != tt.unplaced {
				t.Errorf("%d unplaced, want %d; %s", len(unplaced), tt.unplaced, diff)
			}
		})
	}
}

// someOf draws a sorted part of the first n people.
func someOf(t *rapid.T, n int, label string) []string {
	in := rapid.SliceOfN(rapid.Bool(), n, n).Draw(t, label)
	var ids []string
	for i, in := range in {
		if in {
			ids = append(ids, person(i))
		}
	}
	return ids
}

func TestSpreadProperties(t *testing.T) {
	const most = 4
	rapid.Check(t, func(t *rapid.T) {
		people := someOf(t, 16, "people")
		var places []Place
		for i := range rapid.IntRange(0, 5).Draw(t, "places") {
			held := someOf(t, 16, "held")
			held = held[:min(len(held), most)]
			places = append(places, Place{Key: fmt.Sprint("account ", i), Assigned: held, Holds: held})
		}
		assigned, unplaced := spread(people, places, most)

		all := slices.Clone(unplaced)
		free := 0
		for i, ids := range assigned {
			if len(ids) > most || !slices.IsSorted(ids) {
				t.Fatalf("account %d gets %v", i, ids)
			}
			free += most - len(ids)
			all = append(all, ids...)
		}
		if slices.Sort(all); !slices.Equal(all, people) {
			t.Fatalf("%v were spread to %v", people, all)
		}
		if len(unplaced) > 0 && free > 0 {
			t.Fatalf("%d unplaced although %d places are free", len(unplaced), free)
		}
		for _, id := range people {
			had := slices.ContainsFunc(places, func(p Place) bool { return slices.Contains(p.Assigned, id) })
			stays := slices.ContainsFunc(assigned, func(ids []string) bool { return slices.Contains(ids, id) })
			for i, p := range places {
				if stays = stays && (!slices.Contains(assigned[i], id) || slices.Contains(p.Assigned, id)); had && !stays {
					t.Fatalf("%s moved", id)
				}
			}
		}

		// Spreading what was spread moves nobody.
		for i := range places {
			places[i].Assigned, places[i].Holds = assigned[i], assigned[i]
		}
		again, _ := spread(people, places, most)
		if diff := cmp.Diff(assigned, again); diff != "" {
			t.Fatal(diff)
		}
	})
}

func BenchmarkSpread(b *testing.B) {
	people := persons(0, 10*graph.MaxPeople)
	places := make([]Place, 10)
	for b.Loop() {
		Spread(people, places)
	}
}
