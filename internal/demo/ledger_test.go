package demo

import (
	"testing"
	"time"
)

func TestLedgerPairs(t *testing.T) {
	at := func(ms int) time.Time { return time.UnixMilli(int64(ms)) }
	l := newLedger()
	l.make("a", change{"Busy", "InACall", at(0)})
	l.make("a", change{"Available", "Available", at(10)})
	l.make("a", change{"Busy", "InACall", at(20)})
	l.make("b", change{"Away", "Away", at(0)})

	receive := func(userID, availability, activity string, ms int) (time.Duration, bool) {
		return l.receive(userID, change{availability, activity, at(ms)})
	}
	if _, paired := receive("a", "Offline", "Offline", 25); paired {
		t.Error("paired with a change that nobody made")
	}
	if _, paired := receive("c", "Away", "Away", 25); paired {
		t.Error("paired with somebody else's change")
	}
	if d, paired := receive("a", "busy", "inACall", 30); !paired || d != 30*time.Millisecond {
		t.Errorf("first call: %v, %v", d, paired)
	}
	if d, paired := receive("a", "Busy", "InACall", 31); !paired || d != 11*time.Millisecond {
		t.Errorf("second call: %v, %v", d, paired)
	}
	got := l.totals()
	want := Totals{Made: 4, Received: 2, Missing: 2, Extra: 2, P50: 11 * time.Millisecond, P99: 30 * time.Millisecond}
	if got != want {
		t.Errorf("totals %+v, want %+v", got, want)
	}
}

// TestLedgerPairsWhatWasReceivedFirst: whoever makes a change notes it after
// that, which on a busy machine is after its event was received.
func TestLedgerPairsWhatWasReceivedFirst(t *testing.T) {
	at := func(ms int) time.Time { return time.UnixMilli(int64(ms)) }
	l := newLedger()
	l.receive("a", change{"Away", "Away", at(5)}) // a first reading
	for range 2 * keepEarly {
		l.receive("a", change{"Offline", "Offline", at(20)})
	}
	l.receive("a", change{"Busy", "InACall", at(21)})
	l.make("a", change{"Busy", "InACall", at(10)})
	l.make("a", change{"Away", "Away", at(30)})
	got := l.totals()
	want := Totals{Made: 2, Received: 1, Missing: 1, Extra: 1 + 2*keepEarly, P50: 11 * time.Millisecond, P99: 11 * time.Millisecond}
	if got != want {
		t.Errorf("totals %+v, want %+v", got, want)
	}
	l = newLedger()
	l.receive("a", change{"Away", "Away", at(5)})
	l.make("a", change{"Away", "Away", at(30)})
	if got := l.totals(); got.Missing != 1 {
		t.Errorf("paired with an event from before the change: %+v", got)
	}
}

func TestQuantile(t *testing.T) {
	for _, tt := range []struct {
		n    int // delays of 1 ms, 2 ms and so on
		q    float64
		want int
	}{{0, 0.5, 0}, {1, 0.5, 1}, {1, 0.99, 1}, {100, 0.5, 50}, {100, 0.99, 99}, {10, 0.99, 10}} {
		d := delays{}
		for i := range tt.n {
			d.add(time.Duration(i+1) * time.Millisecond)
		}
		if got := d.quantile(tt.q); got != time.Duration(tt.want)*time.Millisecond {
			t.Errorf("quantile(%d values, %v) = %s, want %d ms", tt.n, tt.q, got, tt.want)
		}
	}
}
