package trail

import (
	"hash/maphash"
	"sync"
	"time"
	"unique"

	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/internal/intake"
)

const (
	// mostNotes is how many notes are kept of one person; repeats of one state in
	// a row are one note.
	mostNotes = 32
	shards    = 64
)

// Notes are what came, by person. They are safe for concurrent use.
type Notes struct {
	history time.Duration
	began   time.Time
	now     func() time.Time
	seed    maphash.Seed
	shards  [shards]shard
}

type shard struct {
	mu    sync.Mutex
	rings map[graph.Person]*ring
}

// ring holds the last notes, in the order in which they came.
type ring struct {
	notes []note
	first int  // the oldest, once it is full
	lost  bool // an older one was overwritten
}

// note is kept small: there are many.
type note struct {
	first, last            int64 // when it was observed, Unix nanoseconds
	times                  int32
	outOfOffice            int8 // 1 yes, -1 no, 0 unknown
	availability, activity unique.Handle[string]
	origin, became         unique.Handle[string]
	sequence, eventID      string
}

// New keeps nothing yet. History is how long notes are kept.
func New(history time.Duration, now func() time.Time) *Notes {
	n := &Notes{history: history, began: now(), now: now, seed: maphash.MakeSeed()}
	for i := range n.shards {
		n.shards[i].rings = map[graph.Person]*ring{}
	}
	return n
}

// Note takes down a reading and what became of it; the event is the one that
// tells it, or empty. It is called for every reading.
func (n *Notes) Note(r graph.Reading, became intake.Became, eventID string) {
	at := r.ObservedAt.UnixNano()
	add := note{
		first: at, last: at, times: 1, sequence: r.Presence.SequenceNumber, eventID: eventID,
		availability: unique.Make(r.Presence.Availability), activity: unique.Make(r.Presence.Activity),
		origin: unique.Make(string(r.Origin)), became: unique.Make(string(became)),
	}
	if o := r.Presence.OutOfOffice; o != nil {
		add.outOfOffice = -1
		if *o {
			add.outOfOffice = 1
		}
	}
	p := graph.Person{TenantID: r.TenantID, UserID: r.Presence.UserID}
	s := n.shard(p)
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.rings[p]
	if known == nil {
		known = &ring{}
		s.rings[p] = known
	}
	known.add(add)
}

func (n *Notes) shard(p graph.Person) *shard {
	return &n.shards[maphash.String(n.seed, p.UserID)%shards]
}

func (r *ring) add(add note) {
	if l := len(r.notes); l > 0 {
		latest := &r.notes[(r.first+l-1)%l]
		if latest.same(&add) {
			latest.last, latest.times = max(latest.last, add.last), latest.times+1
			return
		}
	}
	if len(r.notes) < mostNotes {
		r.notes = append(r.notes, add)
		return
	}
	r.notes[r.first] = add
	r.first, r.lost = (r.first+1)%mostNotes, true
}

// same reports whether two notes that tell nothing new tell it of one state.
func (a *note) same(b *note) bool {
	return a.eventID == "" && b.eventID == "" && a.became == b.became && a.origin == b.origin &&
		a.availability == b.availability && a.activity == b.activity && a.outOfOffice == b.outOfOffice && a.sequence == b.sequence
}

// inOrder gives the notes, the oldest first.
func (r *ring) inOrder() []note {
	return append(append([]note{}, r.notes[r.first:]...), r.notes[:r.first]...)
}

// Forget drops everybody whom keep does not want, and notes older than the history.
func (n *Notes) Forget(keep func(graph.Person) bool) {
	end := n.now().Add(-n.history).UnixNano()
	for i := range n.shards {
		n.shards[i].forget(keep, end)
	}
}

func (s *shard) forget(keep func(graph.Person) bool, end int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p, r := range s.rings {
		if !keep(p) || !r.expire(end) {
			delete(s.rings, p)
		}
	}
}

// expire reports whether anything is left.
func (r *ring) expire(end int64) bool {
	kept := r.inOrder()
	for len(kept) > 0 && kept[0].last < end {
		kept = kept[1:]
	}
	if len(kept) < len(r.notes) {
		*r = ring{notes: kept}
	}
	return len(kept) > 0
}

// of gives a person's notes within the history, and since when they are complete.
func (n *Notes) of(p graph.Person) ([]note, time.Time) {
	since, end := n.began, n.now().Add(-n.history)
	if end.After(since) {
		since = end
	}
	s := n.shard(p)
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rings[p]
	if r == nil {
		return nil, since
	}
	kept := r.inOrder()
	if oldest := time.Unix(0, kept[0].first); r.lost && oldest.After(since) {
		since = oldest
	}
	for len(kept) > 0 && kept[0].last < end.UnixNano() {
		kept = kept[1:]
	}
	return kept, since
}
