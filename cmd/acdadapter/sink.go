package main

import (
	"context"
	"errors"

	"jtel.de/presencebridge/events"
)

// Sink takes decisions. It is called for one decision at a time, in order. After
// an error the same decision comes again, with the same id, until it is taken;
// only [errRefused] means that it need not. A new sink is an ACD's own way in:
// implement Send and add it in run.go.
type Sink interface {
	Send(ctx context.Context, e events.DecisionEvent) error
}

// errRefused marks the error about a decision that the receiver will never take.
var errRefused = errors.New("refused for good")

// streamSink publishes decisions on the stream.
type streamSink struct{ publisher *events.Publisher }

func (s streamSink) Send(ctx context.Context, e events.DecisionEvent) error {
	m, err := events.NewMessage(e)
	if err != nil {
		return err
	}
	return s.publisher.Publish(ctx, []events.Message{m})[0].Err
}
