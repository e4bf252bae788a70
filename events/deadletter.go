package events

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"
)

// ErrRejected is for a function of [Consume] that will never be able to do what
// an event asks for: wrapped into its error, the event is left out for good
// instead of coming again and holding up all that follow.
var ErrRejected = errors.New("event rejected")

// Reasons of dead letters.
const (
	reasonMalformed = "malformed event"
	reasonRejected  = "rejected by the consumer"
)

// DeadLetter is an event that a consumer left out for good. The event itself
// stands on the stream under Sequence until the history ends.
type DeadLetter struct {
	Consumer string    `json:"consumer"` // its durable name
	Sequence uint64    `json:"stream_seq"`
	Tries    int       `json:"deliveries"`
	Reason   string    `json:"reason"`
	At       time.Time `json:"timestamp"`
}

// deadLetters is where the server tells of them.
const deadLetters = "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED." + Stream + "."

// waitingLetters is how many may wait for a slow function.
const waitingLetters = 1024

// DeadLetters calls f with what consumers leave out from now on, until the
// context ends, whose error it returns, or the connection is closed. An empty
// durable means every consumer of the stream. The server tells each once, and
// only those who listen at that moment.
func DeadLetters(ctx context.Context, nc *nats.Conn, durable string, f func(DeadLetter)) error {
	subject := deadLetters + "*"
	if durable != "" {
		subject = deadLetters + durable
	}
	messages := make(chan *nats.Msg, waitingLetters)
	sub, err := nc.ChanSubscribe(subject, messages)
	if err != nil {
		return fmt.Errorf("listen to dead letters: %w", err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	closed := nc.StatusChanged(nats.CLOSED)
	defer nc.RemoveStatusListener(closed)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-closed:
			return fmt.Errorf("listen to dead letters: %w", nats.ErrConnectionClosed)
		case m := <-messages:
			var letter DeadLetter
			if err := json.Unmarshal(m.Data, &letter); err == nil { // else it is not the server's
				f(letter)
			}
		}
	}
}
