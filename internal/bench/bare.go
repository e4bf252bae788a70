package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/broker"
)

// bare is the embedded NATS server with the streams and the publisher of the
// service and nothing else: what it makes of a processor second is the most that
// anybody can who stores each event before answering.
type bare struct {
	dir       string
	server    *broker.Broker
	publisher *events.Publisher
	close     func()
	subjects  []string
	number    int
}

const (
	bareTenant = "84bd8158-6d4d-4958-8b9f-9d6445542f95"
	bareTrace  = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
)

// bareText is as long as an event.
var bareText = make([]byte, 800)

func newBare(ctx context.Context, syncAlways bool) (b *bare, err error) {
	b = &bare{close: func() {}}
	defer func() {
		if err != nil {
			b.stop()
		}
	}()
	if b.dir, err = os.MkdirTemp("", "presencebridge-bare-"); err != nil {
		return nil, err
	}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	if b.server, err = broker.Start(broker.Options{Dir: filepath.Join(b.dir, "nats"), SyncAlways: syncAlways, Log: log}); err != nil {
		return nil, err
	}
	bus, err := events.Connect(events.ConnectOptions{InProcess: b.server.InProcess(), Log: log})
	if err != nil {
		return nil, err
	}
	b.close = bus.Close
	js, err := jetstream.New(bus)
	if err != nil {
		return nil, err
	}
	if err := events.Setup(ctx, js, events.StreamOptions{Batches: true}); err != nil {
		return nil, err
	}
	for i := range watched {
		subject, err := events.UserSubject(bareTenant, fmt.Sprintf("%08d-0000-4000-8000-000000000000", i))
		if err != nil {
			return nil, err
		}
		b.subjects = append(b.subjects, subject)
	}
	b.publisher, err = events.NewPublisher(bus, events.PublisherOptions{Timeout: 10 * time.Second, Batches: syncAlways})
	return b, err
}

// run publishes for a while, in batches.
func (b *bare) run(ctx context.Context, batch, publishers int, lasting time.Duration) (int, error) {
	until := time.Now().Add(lasting)
	done := make([]int, publishers)
	share := len(b.subjects) / publishers
	b.number++
	var group errgroup.Group
	for w := range publishers {
		group.Go(func() error {
			messages := make([]events.Message, batch)
			base := fmt.Appendf(nil, "%d-%d-", b.number, w)
			for n := 0; time.Now().Before(until); n++ {
				for i := range messages {
					id := append(strconv.AppendInt(base[:len(base):len(base)], int64(n*batch+i), 10), "abcdefghijklmn"...)
					messages[i] = events.Message{
						Subject: b.subjects[w*share+(n*batch+i)%share], ID: string(id), Data: bareText, Traceparent: bareTrace,
					}
				}
				for _, ack := range b.publisher.Publish(ctx, messages) {
					if ack.Err != nil {
						return ack.Err
					}
				}
				done[w] += batch
			}
			return nil
		})
	}
	err := group.Wait()
	sum := 0
	for _, n := range done {
		sum += n
	}
	return sum, err
}

func (b *bare) stop() error {
	b.close()
	if b.server != nil {
		b.server.Close()
	}
	return errors.Join(os.RemoveAll(b.dir))
}
