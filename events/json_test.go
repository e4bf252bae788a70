package events_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"jtel.de/presencebridge/events"
)

var update = flag.Bool("update", false, "write the golden files anew")

// contractExample holds the contract's example as it stands there. -update
// leaves it alone.
const contractExample = "user_contract.json"

// exampleEvent is the example of the contract. There, time and observedAt differ
// by what the bridge needed to publish; left to itself Encode makes them equal.
func exampleEvent() events.UserEvent {
	at := time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)
	return events.UserEvent{
		ID:   "<= Nats-Msg-Id",
		Time: at.Add(123 * time.Millisecond),
		Data: events.UserData{
			TenantID: tenant, Tenant: "contoso",
			User: events.User{
				ID: agent1, UserPrincipalName: "agent1@contoso.com", Mail: "agent.one@contoso.com",
				DisplayName: "Agent One", Phones: []string{"+4989123456"},
			},
			Availability: "Busy", Activity: "InACall", OutOfOffice: new(false),
			SequenceNumber: "A0129311063",
			Previous: &events.Previous{
				Availability: "Available", Activity: "Available",
				ObservedAt: time.Date(2026, 11, 23, 17, 41, 9, 0, time.UTC),
			},
			Origin:      events.OriginNotification,
			ObservedAt:  at.Add(120 * time.Millisecond),
			PublishedAt: at.Add(123 * time.Millisecond),
			Freshness:   events.Fresh,
		},
	}
}

func encode[T events.Data](t testing.TB, e events.Event[T]) []byte {
	t.Helper()
	b, err := events.Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// golden compares with testdata/name apart from whitespace.
func golden(t *testing.T, name string, got []byte) []byte {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update && name != contractExample {
		pretty := jsontext.Value(bytes.Clone(got))
		if err := pretty.Indent(jsontext.WithIndent("  ")); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(pretty, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := jsontext.Value(bytes.Clone(file))
	if err := want.Compact(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
	return file
}

// testGolden encodes, compares, and decodes what is in the file.
func testGolden[T events.Data](t *testing.T, name string, e, want events.Event[T]) {
	t.Run(name, func(t *testing.T) {
		file := golden(t, name, encode(t, e))
		got, err := events.Decode[T](file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("decoded (-want +got):\n%s", diff)
		}
		either, err := events.DecodeAny(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(any(want), either); diff != "" {
			t.Errorf("decoded by its type (-want +got):\n%s", diff)
		}
	})
}

func TestGolden(t *testing.T) {
	at := time.Date(2026, 11, 23, 18, 0, 0, 120e6, time.UTC)
	testGolden(t, contractExample, exampleEvent(), exampleEvent())

	// What is not known is absent; ids come out in lower case; time is observedAt.
	least := userEvent(strings.ToUpper(agent1), "Available", "id-1")
	least.Data.TenantID = strings.ToUpper(tenant)
	want := userEvent(agent1, "Available", "id-1")
	want.Time = at
	testGolden(t, "user_least.json", least, want)

	most := exampleEvent()
	most.Data.StatusMessage, most.Data.WorkLocation, most.Data.OutOfOffice = new("back at 5 <b>"), new("office"), new(true)
	most.Data.Origin, most.Data.Freshness = events.OriginSweep, events.Stale
	testGolden(t, "user_most.json", most, most)

	directory := events.DirectoryEvent{ID: "id-2", Time: at, Data: events.DirectoryData{
		TenantID: tenant, Tenant: "contoso", Change: events.Added, User: exampleEvent().Data.User,
		ObservedAt: at, PublishedAt: at,
	}}
	testGolden(t, "directory_added.json", directory, directory)

	// A removal names nobody but the id, whatever it was given.
	gone, bare := directory, directory
	gone.Data.Change, bare.Data.Change = events.Removed, events.Removed
	bare.Data.User = events.User{ID: agent1}
	testGolden(t, "directory_removed.json", gone, bare)

	coverage := events.CoverageEvent{ID: "id-3", Time: at, Data: events.CoverageData{
		TenantID: tenant, Tenant: "contoso", Account: "0123456789abcdef", State: events.Silent,
		Reason: "nothing was delivered for 4m0s though 3 people changed",
		People: events.Covered{Assigned: 650, Poll: 648, None: 2}, ObservedAt: at, PublishedAt: at,
	}}
	testGolden(t, "coverage.json", coverage, coverage)
	coverage.Data.Expiring = []events.Expiring{{Kind: "client_secret", WithinDays: 14, EndsAt: at.Add(13 * 24 * time.Hour)}}
	testGolden(t, "coverage_expiring.json", coverage, coverage)

	decision := events.DecisionEvent{ID: "id-4", Time: at, Data: events.DecisionData{
		Client: "mandant-1", TenantID: tenant, UserID: agent1, Decision: events.Unreachable,
		Rule: "busy", RuleLine: 14, EventID: "id-1", ObservedAt: at,
	}}
	testGolden(t, "decision.json", decision, decision)
}

func TestEncodeRefuses(t *testing.T) {
	for name, spoil := range map[string]func(*events.UserEvent){
		"tenant id 'x' is not a GUID": func(e *events.UserEvent) { e.Data.TenantID = "x" },
		"user id '' is not a GUID":    func(e *events.UserEvent) { e.Data.User.ID = "" },
		"event id of 0 characters":    func(e *events.UserEvent) { e.ID = "" },
		"event id of 129 characters":  func(e *events.UserEvent) { e.ID = strings.Repeat("x", 129) },
		"printable ASCII":             func(e *events.UserEvent) { e.ID = "a\r\nb" },
		"ends with a space":           func(e *events.UserEvent) { e.ID = "a " },
		"origin 'guess' is none of":   func(e *events.UserEvent) { e.Data.Origin = "guess" },
		"freshness '' is none of":     func(e *events.UserEvent) { e.Data.Freshness = "" },
		"observedAt is missing":       func(e *events.UserEvent) { e.Data.ObservedAt = time.Time{} },
		"publishedAt is missing":      func(e *events.UserEvent) { e.Data.PublishedAt = time.Time{} },
		"time is missing or out":      func(e *events.UserEvent) { e.Time = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"previous.observedAt is":      func(e *events.UserEvent) { e.Data.Previous = &events.Previous{} },
	} {
		t.Run(name, func(t *testing.T) {
			e := userEvent(agent1, "Busy", "id")
			spoil(&e)
			_, err := events.Encode(e)
			if want := strings.ReplaceAll(name, "'", `"`); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %s", err, want)
			}
		})
	}
}

func TestDecode(t *testing.T) {
	good := string(encode(t, exampleEvent()))
	for name, c := range map[string]struct{ old, new, err string }{
		"unknown members":     {`"specversion":"1.0"`, `"specversion":"1.0","traceparent":"00","x":{"a":[1]}`, ""},
		"unknown data":        {`"tenant":"contoso"`, `"tenant":"contoso","x":1`, ""},
		"null facts":          {`"outOfOffice":false`, `"outOfOffice":null,"statusMessage":null`, ""},
		"upper-case ids":      {agent1, strings.ToUpper(agent1), ""},
		"offset":              {`"time":"2026-11-23T18:00:00.123Z"`, `"time":"2026-11-23T19:00:00.123456+01:00"`, ""},
		"other specversion":   {`"1.0"`, `"2.0"`, `specversion "2.0" is not 1.0`},
		"other type":          {events.TypeUser, events.TypeCoverage, `type is "presence.coverage.changed.v1"`},
		"unknown type":        {events.TypeUser, "x", `type is "x"`},
		"bad id":              {`"id":"` + agent1, `"id":"1`, "is not a GUID"},
		"no time":             {`"observedAt":"2026-11-23T18:00:00.120Z"`, `"x":0`, "observedAt is missing"},
		"bad time":            {`"2026-11-23T18:00:00.120Z"`, `"yesterday"`, `"yesterday" is not a time`},
		"time of wrong kind":  {`"2026-11-23T18:00:00.120Z"`, `5`, "a time must be a string"},
		"doubled member":      {`"tenant":`, `"tenant":"a","tenant":`, "duplicate"},
		"truncated":           {`"freshness":"fresh"}}`, "", "EOF"},
		"trailing characters": {`"freshness":"fresh"}}`, `"freshness":"fresh"}}x`, "after top-level value"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(good, c.old, c.new, 1)
			if text == good {
				t.Fatal("nothing was replaced")
			}
			e, err := events.Decode[events.UserData]([]byte(text))
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("got %v, want %s", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if e.Data.User.ID != agent1 || e.Time.Truncate(time.Millisecond) != exampleEvent().Time {
				t.Errorf("got %s at %s", e.Data.User.ID, e.Time)
			}
		})
	}
	for _, text := range []string{``, `[]`, `{}`, `{"type":"x"}`, `{"type":5}`} {
		if e, err := events.DecodeAny([]byte(text)); err == nil {
			t.Errorf("%q gave %v", text, e)
		}
	}
}

func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		f.Fatal("no golden files", err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := events.DecodeAny(b)
		if err != nil {
			return
		}
		first := reencode(t, e)
		again, err := events.DecodeAny(first)
		if err != nil {
			t.Fatalf("%v of %s", err, first)
		}
		if second := reencode(t, again); !bytes.Equal(first, second) {
			t.Errorf("\n%s became\n%s", first, second)
		}
	})
}

func reencode(t *testing.T, e any) []byte {
	switch e := e.(type) {
	case events.UserEvent:
		return encode(t, e)
	case events.DirectoryEvent:
		return encode(t, e)
	case events.CoverageEvent:
		return encode(t, e)
	case events.DecisionEvent:
		return encode(t, e)
	}
	t.Fatalf("decoded a %T", e)
	return nil
}

func BenchmarkEncode(b *testing.B) {
	e := exampleEvent()
	b.ReportAllocs()
	for b.Loop() {
		encode(b, e)
	}
}

func BenchmarkDecode(b *testing.B) {
	text := encode(b, exampleEvent())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := events.Decode[events.UserData](text); err != nil {
			b.Fatal(err)
		}
	}
}
