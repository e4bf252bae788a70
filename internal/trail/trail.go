package trail

import (
	"cmp"
	"slices"
	"time"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/internal/intake"
)

// Kinds of entries.
const (
	KindState     = "state"     // something came, or was published
	KindDecision  = "decision"  // an adapter decided
	KindCoverage  = "coverage"  // the account that carries the person was covered differently
	KindDirectory = "directory" // the person came or changed
)

// Entry is one thing that happened. What does not belong to its kind is absent.
type Entry struct {
	At   time.Time `json:"at"` // when the bridge, or the adapter, learnt of it
	Kind string    `json:"kind"`

	// Of a state.
	Origin         string    `json:"origin,omitempty"`
	Availability   string    `json:"availability,omitempty"`
	Activity       string    `json:"activity,omitempty"`
	OutOfOffice    *bool     `json:"outOfOffice,omitempty"`
	SequenceNumber string    `json:"sequenceNumber,omitempty"`
	Freshness      string    `json:"freshness,omitempty"`
	Became         string    `json:"became,omitempty"`   // published, stale, repeated, older or failed
	EventID        string    `json:"eventId,omitempty"`  // of a decision: what it decided about
	Times          int       `json:"times,omitzero"`     // so often in a row, if more than once
	LastAt         time.Time `json:"lastAt,omitzero"`    // then, the last time
	StoredAt       time.Time `json:"storedAt,omitzero"`  // on the stream, by the server's clock
	StoredMs       *float64  `json:"storedMs,omitempty"` // from At until then

	// Of a decision.
	Client    string   `json:"client,omitempty"`
	Decision  string   `json:"decision,omitempty"`
	Rule      string   `json:"rule,omitempty"`
	RuleLine  int      `json:"ruleLine,omitzero"`
	DecidedMs *float64 `json:"decidedMs,omitempty"` // since the state came that it is about; a hold counts, too

	// Of coverage, and of the directory.
	Account string `json:"account,omitempty"`
	State   string `json:"state,omitempty"`
	Reason  string `json:"reason,omitempty"`
	Change  string `json:"change,omitempty"`
}

// Trail is the answer about one person.
type Trail struct {
	TenantID          string `json:"tenantId"`
	Tenant            string `json:"tenant"`
	UserID            string `json:"userId"`
	UserPrincipalName string `json:"userPrincipalName"`
	Mail              string `json:"mail,omitempty"`

	At time.Time `json:"at"` // the time that was asked about
	// What held then: the last published state, the last decision of each client,
	// how the account that carries the person was covered. Absent: not known.
	State     *Entry  `json:"state,omitempty"`
	Coverage  *Entry  `json:"coverage,omitempty"`
	Decisions []Entry `json:"decisions"`

	History string `json:"history"` // how far back a trail goes
	// Since is from when on everything that came is told; before it, only what
	// was published and decided.
	Since      time.Time `json:"since"`
	Incomplete string    `json:"incomplete,omitempty"` // why something may be missing
	Truncated  bool      `json:"truncated,omitzero"`   // older entries are left out
	Entries    []Entry   `json:"entries"`              // in the order of their times
}

// mostEntries is how many are told at most: the latest.
const mostEntries = 1000

// Tell puts together what came about a person, what stands on the stream, and
// the last event that the bucket has, if any: it may be older than the stream.
func (n *Notes) Tell(p graph.Person, past []events.Past, last *events.UserEvent, at time.Time) Trail {
	notes, since := n.of(p)
	t := Trail{TenantID: p.TenantID, UserID: p.UserID, At: at, Since: since, History: n.history.String(), Decisions: []Entry{}}
	t.Entries = merge(notes, past, last)
	t.hold()
	if len(t.Entries) > mostEntries {
		t.Entries, t.Truncated = t.Entries[len(t.Entries)-mostEntries:], true
	}
	return t
}

// merge: a reading and the event that tells it are one entry.
func merge(notes []note, past []events.Past, last *events.UserEvent) []Entry {
	entries := make([]Entry, 0, len(notes)+len(past)+1)
	byEvent, said, decided := map[string]int{}, map[Entry]bool{}, map[string]bool{}
	for _, n := range notes {
		if n.eventID != "" && n.became.Value() != string(intake.Failed) {
			byEvent[n.eventID] = len(entries)
		}
		entries = append(entries, n.entry())
	}
	if last != nil {
		past = append(past, events.Past{Event: *last})
	}
	for _, m := range past {
		switch e := m.Event.(type) {
		case events.UserEvent:
			i, noted := byEvent[e.ID]
			if !noted {
				i = len(entries)
				entries, byEvent[e.ID] = append(entries, entryOf(e)), i
			}
			entries[i].stored(e, m.StoredAt)
		case events.DecisionEvent:
			if decided[e.ID] { // it stands on two servers
				continue
			}
			decided[e.ID] = true
			entries = append(entries, Entry{At: e.Data.ObservedAt, Kind: KindDecision, Client: e.Data.Client, Decision: e.Data.Decision,
				Rule: e.Data.Rule, RuleLine: e.Data.RuleLine, EventID: e.Data.EventID})
		case events.CoverageEvent:
			entry := Entry{At: e.Data.ObservedAt, Kind: KindCoverage, Account: e.Data.Account, State: e.Data.State, Reason: e.Data.Reason}
			if !said[entry] { // else it was only said again
				said[entry] = true
				entries = append(entries, entry)
			}
		case events.DirectoryEvent:
			entries = append(entries, Entry{At: e.Data.ObservedAt, Kind: KindDirectory, Change: e.Data.Change})
		}
	}
	for i, e := range entries {
		if about, known := byEvent[e.EventID]; e.Kind == KindDecision && known {
			entries[i].DecidedMs = milliseconds(e.At.Sub(entries[about].At))
		}
	}
	slices.SortStableFunc(entries, func(a, b Entry) int { return cmp.Or(a.At.Compare(b.At), rank(a)-rank(b)) })
	return entries
}

// rank puts what decided something before the decision, if both are of one time.
func rank(e Entry) int {
	if e.Kind == KindDecision {
		return 1
	}
	return 0
}

func (n note) entry() Entry {
	e := Entry{
		At: time.Unix(0, n.first).UTC(), Kind: KindState, Origin: n.origin.Value(), Became: n.became.Value(),
		Availability: n.availability.Value(), Activity: n.activity.Value(), SequenceNumber: n.sequence, EventID: n.eventID,
	}
	if n.outOfOffice != 0 {
		e.OutOfOffice = new(n.outOfOffice > 0)
	}
	if n.times > 1 {
		e.Times, e.LastAt = int(n.times), time.Unix(0, n.last).UTC()
	}
	return e
}

// entryOf is an event that nobody here noted: from before the start, or another
// bridge's.
func entryOf(e events.UserEvent) Entry {
	d := e.Data
	entry := Entry{
		At: d.ObservedAt, Kind: KindState, Origin: d.Origin, Availability: d.Availability, Activity: d.Activity,
		OutOfOffice: d.OutOfOffice, SequenceNumber: d.SequenceNumber, Became: string(intake.Published), EventID: e.ID,
	}
	if d.Freshness == events.Stale {
		entry.At, entry.Became = d.PublishedAt, string(intake.Stale)
	}
	return entry
}

// stored completes an entry by the event that tells it.
func (e *Entry) stored(by events.UserEvent, at time.Time) {
	e.Freshness = by.Data.Freshness
	if !at.IsZero() && e.StoredAt.IsZero() {
		e.StoredAt, e.StoredMs = at.UTC(), milliseconds(at.Sub(e.At))
	}
}

// milliseconds with three digits; clocks that differ do not go back.
func milliseconds(d time.Duration) *float64 {
	return new(float64(max(d, 0).Microseconds()) / 1000)
}

// hold finds what held at the time that was asked about.
func (t *Trail) hold() {
	decisions := map[string]Entry{}
	for i, e := range t.Entries {
		if e.At.After(t.At) {
			break
		}
		switch {
		case e.Kind == KindState && (e.Became == string(intake.Published) || e.Became == string(intake.Stale)):
			t.State = &t.Entries[i]
		case e.Kind == KindCoverage:
			t.Coverage = &t.Entries[i]
		case e.Kind == KindDecision:
			decisions[e.Client] = e
		}
	}
	for _, e := range decisions {
		t.Decisions = append(t.Decisions, e)
	}
	slices.SortFunc(t.Decisions, func(a, b Entry) int { return cmp.Compare(a.Client, b.Client) })
}
