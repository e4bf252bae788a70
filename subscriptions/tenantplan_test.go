package subscriptions

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"jtel.de/presencebridge/internal/graph"
)

// working is an account that has worked for an hour and has what it was told.
func working(key string, people ...string) Slot {
	s := Slot{Key: key, Listed: true, Held: people, Assigned: people, Wanted: people, Since: noon.Add(-time.Hour)}
	if len(people) > 0 {
		s.SubscriptionID = "of " + key
	}
	return s
}

func failing(s Slot, since time.Duration) Slot {
	s.Failing, s.Since, s.Held, s.SubscriptionID = true, noon.Add(-since), nil, ""
	return s
}

func TestPlanTenant(t *testing.T) {
	const (
		chris = "c36a4df4-9d72-4b1e-a7f6-97c6e9a6f0a1"
		doris = "d36a4df4-9d72-4b1e-a7f6-97c6e9a6f0a1"
	)
	reject := func(s Slot) Slot { s.Reject = s.SubscriptionID; return s }
	trial := func(s Slot, ids ...string) Slot { s.Trial = ids; return s }
	told := func(s Slot, ids ...string) Slot { s.Wanted = ids; return s }
	own := func(s Slot) Slot { s.Own = true; return s }
	undecided := "?"
	for _, tt := range []struct {
		name   string
		people []string
		slots  []Slot
		want   []string // what each shall have
	}{
		{"at rest", []string{anna, bert}, []Slot{working("1", anna), working("2", bert), working("3")}, []string{"a", "b", ""}},
		{"a first start", []string{anna, bert, chris}, []Slot{working("1"), working("2")}, []string{"ab", "c"}},
		{"not listed yet", []string{anna, bert}, []Slot{{Key: "1", Failing: true, Since: noon}, working("2", bert)}, []string{undecided, "b"}},
		{"make before break: the old one stays", []string{anna, bert}, []Slot{working("1", anna), working("2")}, []string{"a", "ab"}},
		{"make before break: the new one stands", []string{anna, bert}, []Slot{told(Slot{Key: "1", Listed: true, Held: []string{anna}}, anna), working("2", anna, bert)}, []string{"", "ab"}},
		{"one spare serves one at a time", []string{anna, bert, chris}, []Slot{working("1", anna, doris), working("2", bert, doris), working("3")}, []string{"ad", "bd", "ac"}},
		{"in place without a spare", []string{anna, bert}, []Slot{working("1", anna)}, []string{"ab"}},
		{"in place one after the other", []string{anna, bert}, []Slot{working("1", anna, chris), working("2", bert, chris)}, []string{"a", "bc"}},
		{"in place the one that was told first", []string{anna, bert}, []Slot{working("1", anna, chris), told(working("2", bert, chris), bert)}, []string{"ac", "b"}},
		{"not in place while another one has none", []string{anna, bert}, []Slot{working("1", anna, chris), failing(working("2", bert), time.Minute)}, []string{"ac", "b"}},
		{"leavers only", nil, []Slot{working("1", anna), working("2", bert)}, []string{"", ""}},
		{"silent: made on the spare", []string{anna}, []Slot{reject(working("1", anna)), working("2")}, []string{"a", "a"}},
		{"silent: made in place", []string{anna}, []Slot{reject(working("1", anna))}, []string{"a!"}},
		{"a trial goes on", []string{anna, bert}, []Slot{trial(working("1", anna, bert), bert), working("2")}, []string{"b", ""}},
		{"not given up while a trial goes on", []string{anna, bert}, []Slot{trial(failing(working("1", anna, bert), giveUp), bert), working("2")}, []string{"b", ""}},
		{"given up: the spare takes over", []string{anna, bert}, []Slot{failing(working("1", anna, bert), giveUp), working("2")}, []string{"", "ab"}},
		{"given up: nobody's is deleted without a spare", []string{anna, bert}, []Slot{failing(working("1", anna), giveUp), working("2", bert)}, []string{"a", "b"}},
		{"given up for its own reason: nor then", []string{anna, bert}, []Slot{own(failing(working("1", anna), giveUp)), working("2", bert)}, []string{"a", "b"}},
		{"given up for its own reason: it gets nobody else", []string{anna, bert, chris}, []Slot{own(failing(working("1", anna), giveUp)), working("2", bert)}, []string{"a", "bc"}},
		{"given up, but nobody is held up by a spare that fails", []string{anna, bert}, []Slot{told(Slot{Key: "1", Listed: true, SubscriptionID: "x", Held: []string{anna}}, anna), own(failing(working("2", anna, bert), giveUp))}, []string{"ab", ""}},
		{"given up, but nobody else works", []string{anna, bert}, []Slot{failing(working("1", anna, bert), giveUp), failing(working("2"), giveUp)}, []string{"ab", ""}},
		{"not given up yet", []string{anna, bert}, []Slot{failing(working("1", anna, bert), giveUp-1), working("2")}, []string{"ab", ""}},
		{"it still holds one, so it is not given up", []string{anna}, []Slot{{Key: "1", Listed: true, Held: []string{anna}, Failing: true, Since: noon.Add(-time.Hour)}, working("2")}, []string{"a", ""}},
		{"a failing account is no spare", []string{anna, bert}, []Slot{working("1", anna), failing(working("2"), time.Minute)}, []string{"a", ""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			plan := planTenant(tt.people, tt.slots, noon, 2)
			var got []string
			for _, o := range plan.Orders {
				short := ""
				for _, id := range o.Wanted {
					short += id[:1]
				}
				if o.Undecided {
					short = undecided
				}
				if o.Reject != "" {
					short += "!"
				}
				got = append(got, short)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPlanTenantTellsWhatIsMissing(t *testing.T) {
	plan := PlanTenant(persons(0, 3*graph.MaxPeople+1), []Slot{working("1"), working("2")}, noon)
	if plan.Missing != 2 || len(plan.Unplaced) != graph.MaxPeople+1 {
		t.Errorf("%d accounts missing for %d people", plan.Missing, len(plan.Unplaced))
	}
}

func TestPlanTenantTellsWhenToLookAgain(t *testing.T) {
	plan := PlanTenant([]string{anna}, []Slot{failing(working("1", anna), time.Minute), working("2")}, noon)
	if want := noon.Add(giveUp - time.Minute); !plan.Next.Equal(want) {
		t.Errorf("next at %s, want %s", plan.Next, want)
	}
}

// model is a tenant of few people whose accounts carry out plans call by call,
// in any order and with faults, and which checks what each call does.
type model struct {
	*rapid.T
	people []string
	slots  []Slot
	graph  [][]string // what each account really has; the slot's Held is what is known
	ids    []string
	doing  []*Order // the order that an account is carrying out: its delete is done
	made   int
	now    time.Time
	faulty bool
	clean  bool   // it never was faulty: what is known is true
	spare  []bool // by account, when it was planned
	plan   TenantPlan
}

const modelMost = 3

func (m *model) fault(label string) bool {
	return m.faulty && rapid.IntRange(0, 3).Draw(m.T, label) == 0
}

func (m *model) decide() {
	m.plan = planTenant(m.people, m.slots, m.now, modelMost)
	for i, o := range m.plan.Orders {
		s := &m.slots[i]
		s.Assigned, s.Wanted = o.Assigned, o.Wanted
		m.spare[i] = s.Listed && !s.Failing && !o.Broken && len(s.Assigned) == 0 && len(s.Held) == 0
	}
}

// step lets one account do the next thing that its order asks for.
func (m *model) step(i int) {
	s, o := &m.slots[i], m.plan.Orders[i]
	if m.doing[i] != nil {
		o = *m.doing[i] // a manager finishes what it began
	} else if id := s.SubscriptionID; id != "" && id != o.SubscriptionID {
		o.Wanted, o.Reject = s.Held, ""
	}
	works := func(ok bool) {
		if s.Failing == ok {
			s.Failing, s.Since = !ok, m.now
		}
	}
	know := func() {
		if (len(s.Held) == 0) != (len(m.graph[i]) == 0) {
			s.Since = m.now
		}
		s.Held, s.SubscriptionID = m.graph[i], m.ids[i]
	}
	switch same := slices.Equal(m.graph[i], o.Wanted) && (o.Reject == "" || o.Reject != m.ids[i]); {
	case m.fault("nothing answers"):
		works(false)
		m.doing[i] = nil
	case o.Undecided:
		s.Listed, s.Assigned = true, m.graph[i]
		works(true)
		know()
	case len(m.graph[i]) > 0 && !same:
		m.mayBreak(i)
		m.graph[i], m.ids[i] = nil, ""
		if m.fault("answer lost") {
			works(false)
			return
		}
		know()
		m.doing[i] = &o
	case len(o.Wanted) > 0 && !same:
		m.made++
		m.graph[i], m.ids[i], m.doing[i] = o.Wanted, fmt.Sprint("made ", m.made), nil
		if m.fault("answer lost") {
			works(false)
			return
		}
		works(true)
		know()
	default:
		m.doing[i] = nil
		works(true)
		know()
	}
}

// mayBreak checks that nobody loses cover who need not: not when there is an
// account to make the new one on first, and of one account at a time.
func (m *model) mayBreak(i int) {
	loses := slices.ContainsFunc(m.graph[i], func(id string) bool {
		for j, s := range m.slots {
			// What Graph lost and nobody noticed yet is not the plan's fault.
			if j != i && (slices.Contains(m.graph[j], id) || !m.clean && slices.Contains(s.Held, id)) {
				return false
			}
		}
		return slices.Contains(m.people, id)
	})
	if !loses || !m.clean && !slices.Equal(m.slots[i].Held, m.graph[i]) {
		return // nobody, or nobody of whom the plan knew
	}
	for j, s := range m.slots {
		if j != i && m.spare[j] && len(s.Held) == 0 {
			m.Fatalf("account %d is broken although %d is spare", i, j)
		}
		if j != i && m.doing[j] != nil && len(m.doing[j].Wanted) > 0 && len(m.graph[j]) == 0 && m.clean {
			m.Fatalf("accounts %d and %d are broken at once", i, j)
		}
	}
}

func TestPlanTenantIsSafeAndConverges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &model{T: t, now: noon, faulty: rapid.Bool().Draw(t, "faulty")}
		m.clean = !m.faulty
		m.people = someOf(t, 10, "people")
		for i := range rapid.IntRange(1, 5).Draw(t, "accounts") {
			m.slots = append(m.slots, Slot{Key: fmt.Sprint("account ", i), Failing: true, Since: noon})
			had := someOf(t, 10, "had")
			m.graph = append(m.graph, had[:min(len(had), modelMost)])
			m.ids = append(m.ids, "")
			if len(had) > 0 {
				m.ids[i] = fmt.Sprint("had ", i)
			}
			m.doing, m.spare = append(m.doing, nil), append(m.spare, false)
		}
		which := rapid.IntRange(0, len(m.slots)-1)
		// The survey comes first, if it succeeds.
		for i := range m.slots {
			if !m.fault("not listed") {
				m.slots[i].Listed, m.slots[i].Failing, m.slots[i].Assigned, m.slots[i].Held = true, false, m.graph[i], m.graph[i]
				m.slots[i].SubscriptionID = m.ids[i]
			}
		}
		m.decide()
		for range rapid.IntRange(0, 40).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0:
				m.people = someOf(t, 10, "people")
				m.decide()
			case 1:
				m.now = m.now.Add(rapid.SampledFrom([]time.Duration{time.Minute, giveUp}).Draw(t, "passes"))
				m.decide()
			case 2:
				if s := &m.slots[which.Draw(t, "silent")]; s.SubscriptionID != "" {
					s.Reject = s.SubscriptionID
				}
				m.decide()
			case 3:
				if i := which.Draw(t, "lost"); m.faulty {
					m.graph[i], m.ids[i] = nil, ""
				}
			case 4, 5:
				m.decide()
			default:
				m.step(which.Draw(t, "account"))
			}
		}
		m.faulty = false
		for range 6 * len(m.slots) {
			for i := range m.slots {
				m.step(i)
				m.decide()
			}
		}
		for i, s := range m.slots {
			if !slices.Equal(m.graph[i], m.plan.Orders[i].Assigned) || s.Reject != "" && s.Reject == m.ids[i] {
				t.Fatalf("account %d has %v, want %v", i, m.graph[i], m.plan.Orders[i].Assigned)
			}
		}
		if want := max(0, len(m.people)-modelMost*len(m.slots)); len(m.plan.Unplaced) != want {
			t.Fatalf("%d unplaced, want %d", len(m.plan.Unplaced), want)
		}
	})
}

// Creates fail everywhere, for whatever reason, and everything else works: who
// lost a subscription, or was in one that had to go, takes nobody else's.
func TestPlanTenantDeletesNothingForThoseOfFailingAccounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &model{T: t, now: noon, clean: true}
		all := persons(0, 15)
		for i := range rapid.IntRange(2, 5).Draw(t, "accounts") {
			had := all[i*modelMost:][:rapid.IntRange(0, modelMost).Draw(t, "had")]
			m.people = append(m.people, had...)
			m.slots = append(m.slots, working(fmt.Sprint("account ", i), had...))
			m.graph, m.ids = append(m.graph, had), append(m.ids, m.slots[i].SubscriptionID)
			m.doing, m.spare = append(m.doing, nil), append(m.spare, false)
		}
		m.decide()
		which := rapid.IntRange(0, len(m.slots)-1)
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0:
				if s := &m.slots[which.Draw(t, "silent")]; s.SubscriptionID != "" {
					s.Reject = s.SubscriptionID
				}
			case 1:
				i := which.Draw(t, "lost")
				if s := &m.slots[i]; len(s.Held) > 0 {
					m.graph[i], m.ids[i], s.Held, s.SubscriptionID, s.Since = nil, "", nil, "", m.now
				}
			case 2, 3:
				m.now = m.now.Add(giveUp)
			default:
				i := which.Draw(t, "account")
				s, id := &m.slots[i], m.ids[i]
				if o := m.plan.Orders[i]; len(m.graph[i]) == 0 && len(o.Wanted) > 0 {
					if !s.Failing {
						s.Failing, s.Since = true, m.now
					}
					s.Own = rapid.Bool().Draw(t, "own")
				} else {
					m.step(i)
					m.doing[i], s.Own = nil, false
				}
				if id != "" && m.ids[i] == "" && s.Reject != id {
					t.Fatalf("the subscription of account %d is deleted", i)
				}
			}
			m.decide()
		}
	})
}
