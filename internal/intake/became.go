package intake

import "jtel.de/presencebridge/internal/graph"

// Became says what became of a reading.
type Became string

// What readings become.
const (
	Published Became = "published" // an event on the stream
	Stale     Became = "stale"     // an event that says that the state could not be confirmed; nothing was read
	Repeated  Became = "repeated"  // nothing: it told nothing new
	Older     Became = "older"     // nothing: what was known is newer
	Failed    Became = "failed"    // not stored: it comes again, or is read
)

// tell hands on what became of a reading, and the event that tells it.
func (in *Intake) tell(r graph.Reading, b Became, eventID string) {
	if in.Trace != nil {
		in.Trace(r, b, eventID)
	}
}

// tellFailed is for readings whose turn did not come in time.
func (in *Intake) tellFailed(readings []graph.Reading) {
	for _, r := range readings {
		if _, watched := in.Lookup(r.TenantID, r.Presence.UserID); watched {
			in.tell(r, Failed, "")
		}
	}
}
