package main

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"
)

// serve runs the two loops of the adapter until the context ends. These are its
// only goroutines.
func serve(ctx context.Context, d *desk, js jetstream.JetStream, name string, replicas int) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return d.RunEvents(ctx, js, name, replicas) })
	group.Go(func() error { return d.RunHolds(ctx) })
	return group.Wait()
}
