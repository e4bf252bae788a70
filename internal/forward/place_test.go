package forward

import (
	"log/slog"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// What could not be noted, as on a full disk, is noted later although nothing
// more was forwarded: else a start after the duplicate window would repeat it.
func TestAPlaceThatCouldNotBeNotedIsNotedLater(t *testing.T) {
	t.Parallel()
	s := newSite(t, day)
	full := jetstream.KeyValueConfig{Bucket: Bucket, MaxValueSize: 1}
	if _, err := s.js.CreateKeyValue(t.Context(), full); err != nil {
		t.Fatal(err)
	}
	central := newProcess(t)
	central.start()
	r, _, stop := s.relay(central.url(), everybody)
	s.publish(5, 5)
	eventually(t, "all of it", func() bool { return r.Status().Forwarded == 5 })
	full.MaxValueSize = 0
	if _, err := s.js.UpdateKeyValue(t.Context(), full); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the place", func() bool {
		again := &Relay{Options: Options{Local: s.js}}
		_, err := again.open(t.Context())
		return err == nil && again.place.Sequence == 5
	})
	stop()
}

// A local server that lost its end gives the same numbers to other changes.
func TestWhatIsInHandGoesWithTheStreamsEnd(t *testing.T) {
	t.Parallel()
	s := newSite(t, day)
	s.publish(3, 3)
	r := &Relay{Options: Options{Local: s.js, Log: slog.New(slog.DiscardHandler)}}
	if _, err := r.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	source, err := r.source(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if r.held, err = source.next(t.Context()); err != nil || len(r.held) != 3 {
		t.Fatal(r.held, err)
	}
	if _, err := r.open(t.Context()); err != nil || len(r.held) != 3 {
		t.Fatalf("%d in hand, %v", len(r.held), err)
	}
	r.held = append(r.held, later{r.held[0]})
	r.place.Sequence = 2
	if _, err := r.open(t.Context()); err != nil || len(r.held) != 0 || r.place.Sequence != 2 {
		t.Errorf("%d in hand, reached %d, %v", len(r.held), r.place.Sequence, err)
	}
}

// later is a message beyond the end of the stream.
type later struct{ jetstream.Msg }

func (m later) Metadata() (*jetstream.MsgMetadata, error) {
	return &jetstream.MsgMetadata{Sequence: jetstream.SequencePair{Stream: 9}, Timestamp: time.Now()}, nil
}

// What the server delivered and nobody got is noticed while it is quiet.
func TestWhatWasDeliveredAndDidNotComeIsNoticed(t *testing.T) {
	t.Parallel()
	s := newSite(t, day)
	s.publish(3, 3)
	r := &Relay{Options: Options{Local: s.js}}
	source, err := r.source(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := source.next(t.Context()); err != nil || len(got) != 3 {
		t.Fatal(got, err)
	}
	if left, err := source.left(t.Context()); err != nil || left != 0 {
		t.Fatal(left, err)
	}
	s.publish(1, 3)
	lost, err := source.consumer.FetchNoWait(1)
	if err != nil {
		t.Fatal(err)
	}
	for range lost.Messages() { // to somebody else
	}
	if left, err := source.left(t.Context()); err == nil {
		t.Errorf("%d left, and all is well", left)
	}
}
