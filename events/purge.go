package events

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// purgeWithin is how long a purge waits for the server, whatever its context says.
const purgeWithin = 5 * time.Second

// PurgeDecisions removes what adapters decided about a person from the stream,
// for one client or, if none is named, for all. It is for somebody who left: the
// bridge does it for every client, and an adapter for its own, which may be on
// another server.
func PurgeDecisions(ctx context.Context, js jetstream.JetStream, client, userID string) error {
	ctx, cancel := context.WithTimeout(ctx, purgeWithin)
	defer cancel()
	// Any client's name makes a subject that is checked.
	subject, err := DecisionSubject(cmp.Or(client, "x"), userID)
	if err != nil {
		return fmt.Errorf("purge decisions: %w", err)
	}
	if client == "" {
		subject = DecisionsAbout(subject[len(subject)-36:])
	}
	stream, err := js.Stream(ctx, Stream)
	if err == nil {
		err = stream.Purge(ctx, jetstream.WithPurgeSubject(subject))
	}
	if err != nil {
		return fmt.Errorf("purge decisions about a person: %w", err)
	}
	return nil
}
