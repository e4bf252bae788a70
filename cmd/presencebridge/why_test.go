package main

import (
	"strings"
	"testing"
	"time"

	"jtel.de/presencebridge/internal/trail"
)

func TestReadMoment(t *testing.T) {
	now := time.Date(2026, 11, 23, 11, 15, 30, 0, time.FixedZone("CET", 3600))
	for text, want := range map[string]string{
		"":                     "2026-11-23T11:15:30+01:00",
		"10:42":                "2026-11-23T10:42:00+01:00",
		"10:42:30":             "2026-11-23T10:42:30+01:00",
		"23:59":                "2026-11-22T23:59:00+01:00", // it was not yet today
		"2026-11-20 08:00":     "2026-11-20T08:00:00+01:00",
		"2026-11-20T08:00":     "2026-11-20T08:00:00+01:00",
		"2026-11-23T09:42:00Z": "2026-11-23T09:42:00Z",
	} {
		got, err := readMoment(text, now)
		if err != nil || got.Format(time.RFC3339) != want {
			t.Errorf("%q is %s, %v; want %s", text, got.Format(time.RFC3339), err, want)
		}
	}
	for _, text := range []string{"noon", "25:00", "10", "10:42pm"} {
		if got, err := readMoment(text, now); err == nil {
			t.Errorf("%q is %s", text, got)
		}
	}
}

// What adapters call themselves and their rules comes from the bus.
func TestPrintTrailTellsTheTerminalNothing(t *testing.T) {
	var out strings.Builder
	said := trail.Entry{Kind: trail.KindDecision, Client: "sales\x1b[2J", Decision: "unreachable", Rule: "on the\u009b2J phone"}
	if err := printTrail(&out, trail.Trail{UserID: "b36a", Decisions: []trail.Entry{said}}); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(out.String(), "\x1b\u009b") || !strings.Contains(out.String(), "sales") {
		t.Errorf("%q", out.String())
	}
}

func TestPrintTrail(t *testing.T) {
	at := func(clock string) time.Time {
		when, err := time.ParseInLocation(time.DateTime, "2026-11-23 "+clock, time.Local)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	free := trail.Entry{At: at("08:00:00"), Kind: trail.KindState, Origin: "start", Availability: "Available", Activity: "Available", Became: "published"}
	busy := trail.Entry{At: at("10:41:13"), Kind: trail.KindState, Origin: "notification", Availability: "Busy", Activity: "InACall",
		OutOfOffice: new(true), Became: "published", StoredMs: new(2.34)}
	said := trail.Entry{At: at("10:41:13"), Kind: trail.KindDecision, Client: "sales", Decision: "unreachable", Rule: "on the phone", RuleLine: 8, DecidedMs: new(11.0)}
	silent := trail.Entry{At: at("10:30:00"), Kind: trail.KindCoverage, Account: "a1b2", State: "silent", Reason: "people changed and no notification came"}
	var out strings.Builder
	err := printTrail(&out, trail.Trail{
		Tenant: "contoso", UserID: "b36a", UserPrincipalName: "agent1@contoso.com", At: at("10:42:00"), History: "1h0m0s", Since: at("10:00:00"),
		State: &busy, Coverage: &silent, Decisions: []trail.Entry{said}, Incomplete: "the bus is away",
		Entries: []trail.Entry{free, silent,
			{At: at("10:32:00"), Kind: trail.KindState, Origin: "sweep", Availability: "Available", Activity: "Available", Became: "repeated", Times: 3, LastAt: at("10:38:00")},
			{At: at("10:40:00"), Kind: trail.KindState, Origin: "sweep", Availability: "Away", Activity: "Away", Became: "older"},
			busy, said,
			{At: at("11:00:00"), Kind: trail.KindDirectory, Change: "changed"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `agent1@contoso.com (b36a), tenant contoso
At ` + at("10:42:00").Format("2006-01-02 15:04:05 MST") + `:
  Busy/InACall, out of office, known since 10:41:13 by notification
  covered by account a1b2, silent since 10:30:00: people changed and no notification came
  sales: unreachable since 10:41:13, by rule on the phone (line 8)
Not complete: the bus is away.

TIME      WHAT          STATE                        BECAME       AFTER  WHY
10:30:00  coverage      a1b2                         silent              people changed and no notification came
10:32:00  sweep x3      Available/Available          repeated            until 10:38:00
10:40:00  sweep         Away/Away                    older               what was known was newer
10:41:13  notification  Busy/InACall, out of office  published    2.3ms
10:41:13  decision      sales                        unreachable  11ms   on the phone (line 8)
2 entries are more than 15m away; --output json has them all
`
	if got := out.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
