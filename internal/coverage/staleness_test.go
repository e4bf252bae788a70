package coverage

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestStaleness(t *testing.T) {
	const after = 300 * time.Second
	for name, tt := range map[string]struct {
		e    evidence
		from int // the first second at which it is stale
	}{
		"never confirmed":               {evidence{watched: at(0)}, 300},
		"confirmed":                     {evidence{watched: at(0), confirmed: at(100)}, 400},
		"confirmed before we watched":   {evidence{watched: at(200), confirmed: at(100)}, 500},
		"a subscription that lives":     {evidence{watched: at(0), confirmed: at(100), pushed: true, alive: at(250)}, 550},
		"a subscription with a gap":     {evidence{watched: at(0), confirmed: at(100), alive: at(250)}, 400},
		"lived longer ago":              {evidence{watched: at(0), confirmed: at(100), pushed: true, alive: at(50)}, 400},
		"a subscription not yet proved": {evidence{watched: at(0), confirmed: at(100), pushed: true}, 400},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.e.unconfirmed(at(tt.from-1), after) || !tt.e.unconfirmed(at(tt.from), after) {
				t.Errorf("not stale from second %d on", tt.from)
			}
		})
	}
}

// More evidence never makes a state stale earlier.
func TestEvidenceHelps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		second := func(name string) time.Time { return at(rapid.IntRange(0, 1000).Draw(t, name)) }
		e := evidence{watched: second("watched"), confirmed: second("confirmed"), pushed: rapid.Bool().Draw(t, "pushed"), alive: second("alive")}
		now, after := second("now"), time.Duration(rapid.IntRange(1, 500).Draw(t, "after"))*time.Second
		more := e
		more.confirmed, more.pushed = later(e.confirmed, second("again")), true
		if more.unconfirmed(now, after) && !e.unconfirmed(now, after) {
			t.Fatalf("%+v is fresh, %+v is not", e, more)
		}
		if now.Sub(e.confirmed) < after && e.unconfirmed(now, after) {
			t.Fatal("stale although confirmed lately")
		}
	})
}
