package subscriptions

import "slices"

// bisection finds the people because of whom Graph refuses a subscription. Each
// trial is a create over people that next gives; result says what came of it.
// It trusts no refusal until another create worked: Graph may refuse everything.
// Every trial that works covers those who are known to be good.
type bisection struct {
	list   []string   // sorted, at least two: a create over them is refused
	first  [][]string // sets of which one must work, to prove that it is the people
	good   []string   // a create over these worked
	groups []group    // the rest, the last one to be tried next
	broken []string
}

type group struct {
	people []string
	bad    bool // there is somebody broken in it
	tried  bool // by itself, and it was refused
	// half: it holds somebody broken if the group tried before it does not.
	half bool
}

// bisect starts with those of the list who were in a subscription that worked a
// moment ago: trying them restores most of the cover.
func bisect(list, worked []string) *bisection {
	b := &bisection{list: list}
	known := slices.DeleteFunc(slices.Clone(list), func(id string) bool { _, ok := slices.BinarySearch(worked, id); return !ok })
	if len(known) > 0 && len(known) < len(list) {
		b.first = append(b.first, known)
	}
	for _, i := range []int{0, len(list) - 1, len(list) / 2} {
		b.first = append(b.first, list[i:i+1])
	}
	return b
}

// next is whom to try, sorted; nobody: it is finished.
func (b *bisection) next() []string {
	switch {
	case len(b.good) == 0 && len(b.first) > 0:
		return b.first[0]
	case len(b.groups) > 0:
		return union(b.good, b.groups[len(b.groups)-1].people)
	}
	return nil
}

// concerns reports whether it is about these people, sorted: those who turned
// out to be broken may be among them no more.
func (b *bisection) concerns(people []string) bool {
	return slices.Equal(b.list, people) ||
		slices.Equal(slices.DeleteFunc(slices.Clone(b.list), func(id string) bool { return slices.Contains(b.broken, id) }), people)
}

// result of the trial that next named, and who is broken as it proves.
func (b *bisection) result(worked bool) (broken []string) {
	known := len(b.broken)
	b.learn(worked)
	return b.broken[known:]
}

func (b *bisection) learn(worked bool) {
	if len(b.good) == 0 {
		if !worked {
			b.first = b.first[1:]
			return
		}
		b.good = b.first[0]
		rest := slices.DeleteFunc(slices.Clone(b.list), func(id string) bool { _, ok := slices.BinarySearch(b.good, id); return ok })
		b.groups = []group{{people: rest, bad: true}}
		b.narrow()
		return
	}
	last := len(b.groups) - 1
	if worked {
		b.good = union(b.good, b.groups[last].people)
		b.groups = b.groups[:last]
		if last > 0 && b.groups[last-1].half {
			b.groups[last-1].bad = true
		}
	} else {
		b.groups[last].bad, b.groups[last].tried = true, true
		if last > 0 {
			b.groups[last-1].half = false
		}
	}
	b.narrow()
}

// narrow splits a bad group until one remains to be tried. When somebody is
// found, everybody else may be fine: the rest is tried together.
func (b *bisection) narrow() {
	if len(b.groups) == 0 {
		return
	}
	g := b.groups[len(b.groups)-1]
	if !g.bad || len(g.people) == 1 && !g.tried {
		return
	}
	b.groups = b.groups[:len(b.groups)-1]
	if len(g.people) > 1 {
		middle := len(g.people) / 2
		b.groups = append(b.groups, group{people: g.people[middle:], half: true}, group{people: g.people[:middle]})
		return
	}
	b.broken = append(b.broken, g.people[0])
	var rest []string
	for _, g := range b.groups {
		rest = append(rest, g.people...)
	}
	b.groups = nil
	if slices.Sort(rest); len(rest) > 0 {
		b.groups = []group{{people: rest}}
	}
}

// union of two sorted sets that share nobody.
func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return all
}
