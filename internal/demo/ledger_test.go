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

	if _, paired := l.receive("a", "Offline", "Offline", at(25)); paired {
		t.Error("paired with a change that nobody made")
	}
	if _, paired := l.receive("c", "Away", "Away", at(25)); paired {
		t.Error("paired with somebody else's change")
	}
	if d, paired := l.receive("a", "busy", "inACall", at(30)); !paired || d != 30*time.Millisecond {
		t.Errorf("first call: %v, %v", d, paired)
	}
	if d, paired := l.receive("a", "Busy", "InACall", at(31)); !paired || d != 11*time.Millisecond {
		t.Errorf("second call: %v, %v", d, paired)
	}
	got := l.totals()
	want := Totals{Made: 4, Received: 2, Missing: 2, Extra: 2, P50: 11 * time.Millisecond, P99: 30 * time.Millisecond}
	if got != want {
		t.Errorf("totals %+v, want %+v", got, want)
	}
}

func TestQuantile(t *testing.T) {
	var hundred []time.Duration
	for i := range 100 {
		hundred = append(hundred, time.Duration(i+1))
	}
	for _, tt := range []struct {
		values []time.Duration
		q      float64
		want   time.Duration
	}{
		{nil, 0.5, 0}, {[]time.Duration{7}, 0.5, 7}, {[]time.Duration{7}, 0.99, 7},
		{hundred, 0.5, 50}, {hundred, 0.99, 99}, {hundred[:10], 0.99, 10},
	} {
		if got := quantile(tt.values, tt.q); got != tt.want {
			t.Errorf("quantile(%d values, %v) = %d, want %d", len(tt.values), tt.q, got, tt.want)
		}
	}
}
