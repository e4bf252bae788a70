package subscriptions

import (
	"cmp"
	"slices"

	"jtel.de/presencebridge/internal/graph"
)

// Place is an account that people may be given to.
type Place struct {
	Key string
	// Assigned is whom the account was given until now. After a start it is whom
	// its subscription names, which is all that there is to remember.
	Assigned []string
	Holds    []string // whom its subscription names
	// Unknown: Graph has not told yet what the account has.
	Unknown bool
}

// Spread gives a tenant's people (sorted, each once) to its accounts, at most
// graph.MaxPeople each; assigned[i] is sorted and belongs to places[i]. Nobody
// moves who has a place. Newcomers go where the fewest subscriptions must be
// replaced for them: to accounts whose people change anyway, then to free places
// of others, and to an account that carries nobody only if they fit nowhere else,
// so that a spare one stays spare. Who fits nowhere is unplaced.
func Spread(people []string, places []Place) (assigned [][]string, unplaced []string) {
	return spread(people, places, graph.MaxPeople)
}

func spread(people []string, places []Place, most int) (assigned [][]string, unplaced []string) {
	s := newSpreading(people, places, most)
	s.claim(s.assigned)
	s.claim(s.holds)
	left := len(people)
	for _, n := range s.count {
		left -= n
	}
	order := s.order(left)

	assigned = make([][]string, len(places))
	for i, n := range s.count {
		assigned[i] = make([]string, 0, n)
	}
	for p, id := range people {
		i := s.owner[p]
		for i == nobody && len(order) > 0 {
			if s.free(order[0]) == 0 {
				order = order[1:]
				continue
			}
			i = order[0]
			s.count[i]++
		}
		if i == nobody {
			unplaced = append(unplaced, id)
			continue
		}
		assigned[i] = append(assigned[i], id)
	}
	return assigned, unplaced
}

const nobody = -1

// spreading names people by their index, since looking them up is what costs.
type spreading struct {
	places          []Place
	most            int
	assigned, holds [][]int // by place: those of its lists who are in people
	owner           []int   // by person: the index of the place, or nobody
	count           []int   // people owned, by place
}

func newSpreading(people []string, places []Place, most int) *spreading {
	s := &spreading{
		places: places, most: most, owner: make([]int, len(people)), count: make([]int, len(places)),
		assigned: make([][]int, len(places)), holds: make([][]int, len(places)),
	}
	index := make(map[string]int, len(people))
	for p, id := range people {
		index[id], s.owner[p] = p, nobody
	}
	find := func(ids []string) []int {
		found := make([]int, 0, len(ids))
		for _, id := range ids {
			if p, ok := index[id]; ok {
				found = append(found, p)
			}
		}
		return found
	}
	for i, p := range places {
		s.assigned[i] = find(p.Assigned)
		if s.holds[i] = s.assigned[i]; !slices.Equal(p.Assigned, p.Holds) {
			s.holds[i] = find(p.Holds)
		}
	}
	return s
}

func (s *spreading) free(i int) int { return s.most - s.count[i] }

// claim lets the places keep those of their lists whom nobody owns. Two lists
// overlap only after a crash between the two halves of a replacement: the one
// that fits today's people better comes first.
func (s *spreading) claim(lists [][]int) {
	order := make([]int, len(s.places))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(len(lists[b])-len(lists[a]), len(s.places[a].Holds)-len(s.places[b].Holds), cmp.Compare(s.places[a].Key, s.places[b].Key))
	})
	for _, i := range order {
		for _, p := range lists[i] {
			if s.owner[p] == nobody && s.free(i) > 0 {
				s.owner[p] = i
				s.count[i]++
			}
		}
	}
}

// order is where newcomers go, so many of them.
func (s *spreading) order(newcomers int) []int {
	if newcomers == 0 {
		return nil
	}
	var changing, carrying, empty []int
	for i, p := range s.places {
		switch {
		case p.Unknown || s.count[i] > 0 && s.changes(i):
			changing = append(changing, i)
		case s.count[i] > 0:
			carrying = append(carrying, i)
		default:
			empty = append(empty, i)
		}
	}
	byFree := func(a, b int) int {
		return cmp.Or(s.free(b)-s.free(a), cmp.Compare(s.places[a].Key, s.places[b].Key))
	}
	slices.SortFunc(changing, byFree)
	slices.SortFunc(carrying, byFree)
	slices.SortFunc(empty, byFree)

	room := 0
	for _, i := range carrying {
		room += s.free(i)
	}
	for _, i := range changing {
		newcomers -= s.free(i)
	}
	order := changing
	for ; len(empty) > 0 && newcomers > room; empty = empty[1:] {
		order = append(order, empty[0])
		newcomers -= s.most
	}
	return append(order, carrying...)
}

// changes reports whether a place needs another subscription than it has.
func (s *spreading) changes(i int) bool {
	kept := 0
	for _, p := range s.holds[i] {
		if s.owner[p] == i {
			kept++
		}
	}
	return kept < len(s.places[i].Holds) || kept < s.count[i]
}
