package events_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"jtel.de/presencebridge/events"
)

func TestSnapshotOfNobody(t *testing.T) {
	_, _, js := running(t)
	if got := snapshot(t, js); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}

// Everybody is there at once, although the server fills the bucket later.
func TestSnapshotIsNeverBehind(t *testing.T) {
	_, p, js := running(t)
	for round, availability := range []string{"Busy", "Away", "Available"} {
		var es []events.UserEvent
		for i := range 2500 {
			es = append(es, userEvent(person(i), availability, fmt.Sprint(round, "-", i)))
		}
		for part := range slices.Chunk(es, 250) { // each has a deadline
			publish(t, p, part...)
		}
		if err := p.Purge(t.Context(), tenant, person(round)); err != nil {
			t.Fatal(err)
		}
		got := snapshot(t, js)
		for i := range 2500 {
			want := availability
			if i == round {
				want = ""
			}
			if got[person(i)] != want {
				t.Fatalf("round %d: person %d is %q, want %q", round, i, got[person(i)], want)
			}
		}
	}
}

// The newer of stream and bucket wins, whichever of them is behind.
func TestSnapshotWithABucketThatIsBehind(t *testing.T) {
	_, p, js := running(t)
	publish(t, p, userEvent(person(1), "Busy", "1"), userEvent(person(2), "Busy", "2"), userEvent(person(3), "Busy", "3"))
	eventually(t, "the bucket has all", func() bool { return inBucket(t, js, person(3)) != nil })

	// Without its source the bucket stays behind for as long as the test likes.
	bucket, err := js.Stream(t.Context(), "KV_"+events.Bucket)
	if err != nil {
		t.Fatal(err)
	}
	config := bucket.CachedInfo().Config
	config.Sources = nil
	if _, err := js.UpdateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	publish(t, p, userEvent(person(2), "Away", "4"), userEvent(person(4), "Away", "5"), userEvent(person(5), "Away", "6"))
	for _, gone := range []string{person(3), person(5)} {
		if err := p.Purge(t.Context(), tenant, gone); err != nil {
			t.Fatal(err)
		}
	}
	if e := inBucket(t, js, person(2)); e == nil || e.Data.Availability != "Busy" {
		t.Fatal("the bucket is not behind")
	}
	want := map[string]string{person(1): "Busy", person(2): "Away", person(4): "Away"}
	if got := snapshot(t, js); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for range events.Snapshot(t.Context(), js) {
		break // an iteration may end early
	}
}

func TestSnapshotAfterACrash(t *testing.T) {
	dir := t.TempDir()
	s := natsServer(t, dir, -1)
	nc, js := connect(t, s)
	if err := events.Setup(t.Context(), js, events.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	p := publisher(t, nc)
	var es []events.UserEvent
	for i := range 1000 {
		es = append(es, userEvent(person(i), "Busy", fmt.Sprint(i)))
	}
	publish(t, p, es...)
	stop(s) // the bucket may have all of it, some of it or nothing

	s = natsServer(t, dir, -1)
	_, js = connect(t, s)
	if err := events.Setup(t.Context(), js, events.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := snapshot(t, js); len(got) != 1000 {
		t.Errorf("%d people of 1000", len(got))
	}
}

func TestSnapshotErrors(t *testing.T) {
	s := natsServer(t, t.TempDir(), -1)
	nc, js := connect(t, s)
	for _, err := range events.Snapshot(t.Context(), js) {
		if !errors.Is(err, jetstream.ErrStreamNotFound) {
			t.Errorf("without a bucket: %v", err)
		}
	}
	if err := events.Setup(t.Context(), js, events.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	p := publisher(t, nc)
	publish(t, p, userEvent(person(1), "Busy", "1"))
	subject, _ := events.UserSubject(tenant, person(2))
	if acks := p.Publish(t.Context(), []events.Message{{Subject: subject, ID: "x", Data: []byte("{}")}}); acks[0].Err != nil {
		t.Fatal(acks[0].Err)
	}
	// One message that is no event spoils nothing but itself.
	good, bad := 0, 0
	for _, err := range events.Snapshot(t.Context(), js) {
		if errors.Is(err, events.ErrMalformed) {
			bad++
		} else if err == nil {
			good++
		}
	}
	if good != 1 || bad != 1 {
		t.Errorf("%d good and %d bad", good, bad)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range events.Snapshot(ctx, js) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	}
}
