package intake

import (
	"time"

	"jtel.de/presencebridge/internal/graph"
)

// repeatsFor is how long Graph repeats what was not answered 2xx.
// Source: Graph, "receive change notifications through webhooks".
const repeatsFor = 4 * time.Hour

// PutOff notes that Graph was told, or had to conclude, to send something again:
// from now on, for as long as it does so, a notification may be older than what
// was notified after it.
func (in *Intake) PutOff() { in.lateUntil.Store(in.Now().Add(repeatsFor).UnixNano()) }

// doubtful reports whether an event may turn a state back: it came in the wake
// of something put off, or another writer told of the person at the same time,
// and no sequence number tells its place. Such an event is believed, since it is
// nearly always new, and confirmed or corrected by a read at once. Call it before
// the event is settled.
func (in *Intake) doubtful(d draft) bool {
	return d.reading.Origin == graph.OriginNotification && !d.stale &&
		(d.reading.Presence.SequenceNumber == "" || d.slot.last.newest == "") &&
		(d.slot.conflicts > 0 || in.Now().UnixNano() < in.lateUntil.Load())
}
