package events_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"jtel.de/presencebridge/events"
)

func TestExamine(t *testing.T) {
	_, js := connect(t, natsServer(t, t.TempDir(), -1))
	examine := func(o events.StreamOptions, want events.Examination) {
		t.Helper()
		got, err := events.Examine(t.Context(), js, o)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	both := []string{"PRESENCE", "KV_presence"}
	examine(events.StreamOptions{}, events.Examination{Missing: both})

	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "OLD", Subjects: []string{"presence.>"}, Storage: jetstream.MemoryStorage}); err != nil {
		t.Fatal(err)
	}
	examine(events.StreamOptions{}, events.Examination{Missing: both, Overlap: []string{"OLD"}})
	if err := js.DeleteStream(t.Context(), "OLD"); err != nil {
		t.Fatal(err)
	}

	if err := events.Setup(t.Context(), js, events.StreamOptions{History: time.Hour}); err != nil {
		t.Fatal(err)
	}
	examine(events.StreamOptions{}, events.Examination{})
	examine(events.StreamOptions{History: 2 * time.Hour}, events.Examination{Changes: []events.Change{
		{Stream: "PRESENCE", Setting: "max_age", Is: "1h0m0s", Wanted: "2h0m0s"},
	}})

	if err := js.DeleteStream(t.Context(), "KV_presence"); err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream(t.Context(), "PRESENCE"); err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "PRESENCE", Subjects: events.StreamSubjects(), Storage: jetstream.MemoryStorage, MaxBytes: 1 << 20}); err != nil {
		t.Fatal(err)
	}
	examine(events.StreamOptions{}, events.Examination{Missing: both[1:], Changes: []events.Change{
		{Stream: "PRESENCE", Setting: "storage", Is: "Memory", Wanted: "File", Fixed: true},
		{Stream: "PRESENCE", Setting: "max_age", Is: "0s", Wanted: "1h0m0s"},
		{Stream: "PRESENCE", Setting: "duplicate_window", Is: "2m0s", Wanted: "1h0m0s"},
		{Stream: "PRESENCE", Setting: "max_bytes", Is: "1048576", Wanted: "0"},
		{Stream: "PRESENCE", Setting: "allow_direct", Is: "false", Wanted: "true"},
		{Stream: "PRESENCE", Setting: "allow_rollup_hdrs", Is: "false", Wanted: "true"},
		{Stream: "PRESENCE", Setting: "allow_msg_ttl", Is: "false", Wanted: "true"},
	}})
	if err := events.Setup(t.Context(), js, events.StreamOptions{}); err == nil {
		t.Error("what is called fixed can be changed after all")
	}
}
