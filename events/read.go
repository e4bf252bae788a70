package events

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	readBatch = 1000
	// readIdle is how many empty answers in a row a read takes before it gives
	// up; the library waits up to a second for each.
	readIdle = 5
	// readPause is for answers that come at once: that nobody is there.
	readPause = time.Second
	readTime  = 5 * time.Second
)

// readAll gives every message that a new consumer of the stream finds, and
// returns when there is none left. Lost messages are an error, never a gap.
func readAll(ctx context.Context, js jetstream.JetStream, stream string, config jetstream.ConsumerConfig, f func(jetstream.Msg, uint64) bool) error {
	config.AckPolicy = jetstream.AckNonePolicy
	config.MemoryStorage = true
	config.Replicas = 1
	config.InactiveThreshold = time.Minute
	consumer, err := js.CreateConsumer(ctx, stream, config)
	if err != nil {
		return err
	}
	defer func() {
		// The server would remove it after a minute; this is only tidier.
		tidy, cancel := context.WithTimeout(context.WithoutCancel(ctx), readTime)
		defer cancel()
		_ = js.DeleteConsumer(tidy, stream, consumer.CachedInfo().Name)
	}()

	if consumer.CachedInfo().NumPending == 0 {
		return nil
	}
	next, idle := uint64(1), 0
	for idle < readIdle {
		if err := ctx.Err(); err != nil {
			return err
		}
		batch, err := consumer.FetchNoWait(readBatch)
		if err != nil {
			return err
		}
		idle++
		for m := range batch.Messages() {
			meta, err := m.Metadata()
			if err != nil {
				return err
			}
			if meta.Sequence.Consumer != next {
				return fmt.Errorf("message %d of the read came as number %d", meta.Sequence.Consumer, next)
			}
			next, idle = next+1, 0
			if !f(m, meta.Sequence.Stream) || meta.NumPending == 0 {
				return nil
			}
		}
		if err := batch.Error(); errors.Is(err, nats.ErrNoResponders) {
			// In a cluster the consumer may be on a server that is not known for it yet.
			if err := pause(ctx, readPause); err != nil {
				return err
			}
			continue
		} else if err != nil {
			return err
		}
		if idle > 0 {
			// What was pending may have been purged meanwhile.
			info, err := consumer.Info(ctx)
			if err != nil {
				return err
			}
			if info.NumPending == 0 {
				return nil
			}
		}
	}
	return errors.New("the server stopped delivering")
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// sourceSequence is the sequence on the stream of a message in the bucket,
// which the server notes when it copies it; zero when it was not copied.
func sourceSequence(m jetstream.Msg) uint64 {
	return parseSource(m.Headers().Get(headerSource))
}

func parseSource(header string) uint64 {
	fields := strings.Fields(header)
	if len(fields) < 2 {
		return 0
	}
	seq, _ := strconv.ParseUint(fields[1], 10, 64)
	return seq
}

// removed reports whether a message marks that a person was purged.
func removed(m jetstream.Msg) bool { return removes(m.Headers()) }

func removes(h nats.Header) bool {
	return h.Get(headerOperation) != "" || h.Get(jetstream.MarkerReasonHeader) != ""
}
