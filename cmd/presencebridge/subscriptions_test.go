package main

import (
	"testing"
	"time"
)

func TestOutcome(t *testing.T) {
	at := time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)
	row := func(account, id string, assigned int, renewed time.Time) subscriptionRow {
		return subscriptionRow{TenantID: "t", Account: account, ID: id, Assigned: &assigned, RenewedAt: renewed}
	}
	before := row("a", "1", 650, at)
	foreign := row("a", "9", 650, at)
	foreign.TenantID = "other"
	adopted := row("a", "1", 650, time.Time{})
	for name, tt := range map[string]struct {
		action string
		before subscriptionRow
		rows   []subscriptionRow
		want   string // id of the row that shows it
		done   bool
	}{
		"renewed":                     {renewSubscription, before, []subscriptionRow{row("a", "1", 650, at.Add(time.Second))}, "1", true},
		"not renewed yet":             {renewSubscription, before, []subscriptionRow{before}, "1", false},
		"adopted, renewed":            {renewSubscription, adopted, []subscriptionRow{before}, "1", true},
		"replaced instead of renewed": {renewSubscription, before, []subscriptionRow{row("a", "2", 650, at)}, "2", true},
		"lost instead of renewed":     {renewSubscription, before, []subscriptionRow{row("a", "", 650, time.Time{})}, "", false},
		"renewal does not count":      {recreateSubscription, before, []subscriptionRow{row("a", "1", 650, at.Add(time.Second))}, "1", false},
		"made anew in place":          {recreateSubscription, before, []subscriptionRow{row("a", "2", 650, at)}, "2", true},
		"both for a moment":           {recreateSubscription, before, []subscriptionRow{row("a", "1", 0, at), row("b", "2", 650, at)}, "1", false},
		"made anew on the spare":      {recreateSubscription, before, []subscriptionRow{row("a", "", 0, at), row("b", "2", 650, at), row("c", "3", 650, at)}, "2", true},
		"deleted, not made yet":       {deleteSubscription, before, []subscriptionRow{row("a", "", 650, at), row("b", "2", 650, at)}, "", false},
		"deleted, nobody to carry":    {deleteSubscription, before, []subscriptionRow{row("a", "", 0, at), row("c", "3", 650, at)}, "", true},
		"another tenant":              {deleteSubscription, before, []subscriptionRow{foreign}, "", false},
	} {
		got, done := outcome(tt.action, tt.before, map[string]bool{"1": true, "3": true, "": true}, tt.rows)
		if got.ID != tt.want || done != tt.done {
			t.Errorf("%s: %q %t, want %q %t", name, got.ID, done, tt.want, tt.done)
		}
	}
}

func TestSpan(t *testing.T) {
	at := time.Now()
	for d, want := range map[time.Duration]string{
		-time.Minute: "now", 0: "now", 59 * time.Second: "in 59s", 59*time.Minute + 59*time.Second: "in 59m", 26*time.Hour + 5*time.Minute: "in 26h5m", 99 * time.Hour: "in 4d3h",
	} {
		if got := span("in ", d, at, ""); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
	if got := span("", time.Hour, time.Time{}, " ago"); got != "-" {
		t.Errorf("never: %q", got)
	}
}
