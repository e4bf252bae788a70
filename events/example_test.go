package events_test

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"jtel.de/presencebridge/events"
)

// exampleServer stands in for the bridge: a server with two people's events.
func exampleServer() (url string, closeServer func()) {
	dir, err := os.MkdirTemp("", "events")
	if err != nil {
		panic(err)
	}
	s, err := server.NewServer(&server.Options{JetStream: true, StoreDir: dir, Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true})
	if err != nil {
		panic(err)
	}
	s.Start()
	nc, err := events.Connect(events.ConnectOptions{InProcess: s})
	if err != nil {
		panic(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		panic(err)
	}
	if err := events.Setup(context.Background(), js, events.StreamOptions{}); err != nil {
		panic(err)
	}
	p, err := events.NewPublisher(nc, events.PublisherOptions{})
	if err != nil {
		panic(err)
	}
	for i, availability := range []string{"Available", "Busy"} {
		e := userEvent(agent1, availability, fmt.Sprint("event ", i))
		m, err := events.NewMessage(e)
		if err != nil {
			panic(err)
		}
		if acks := p.Publish(context.Background(), []events.Message{m}); acks[0].Err != nil {
			panic(acks[0].Err)
		}
	}
	return s.ClientURL(), func() { stop(s); os.RemoveAll(dir) }
}

// A wallboard: the last state of everybody, then every change. It keeps nothing.
func ExampleWatchUsers() {
	url, closeServer := exampleServer()
	defer closeServer()

	nc, err := events.Connect(events.ConnectOptions{URL: url, Name: "wallboard"})
	if err != nil {
		panic(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		panic(err)
	}
	done := errors.New("done")
	err = events.WatchUsers(context.Background(), js, func(e events.UserEvent) error {
		if e.Data.Availability == "Busy" {
			fmt.Println(e.Data.User.ID, e.Data.Availability, e.Data.Freshness)
			return done // a wallboard would return nil and go on
		}
		return nil
	})
	fmt.Println(err)
	// Output:
	// b36a4df4-9d72-4b1e-a7f6-97c6e9a6f0a1 Busy fresh
	// done
}

// An adapter: every change once processed, in order, also what happened while
// the adapter was not running.
func ExampleConsume() {
	url, closeServer := exampleServer()
	defer closeServer()

	nc, err := events.Connect(events.ConnectOptions{URL: url, Name: "adapter"})
	if err != nil {
		panic(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		panic(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	err = events.Consume(ctx, js, events.ConsumerOptions{Durable: "adapter"},
		func(ctx context.Context, e events.UserEvent) error {
			fmt.Println(e.ID, e.Data.Availability)
			if e.Data.Availability == "Busy" {
				stop() // an adapter stops when it is told to
			}
			return nil // an error would bring the same event again
		})
	fmt.Println(err)
	// Output:
	// event 0 Available
	// event 1 Busy
	// context canceled
}

// An ACD that must know everybody before it routes the first call: the snapshot
// comes first, then every change, and after a restart only what was missed.
func ExampleConsume_snapshot() {
	url, closeServer := exampleServer()
	defer closeServer()

	nc, err := events.Connect(events.ConnectOptions{URL: url, Name: "acd"})
	if err != nil {
		panic(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		panic(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	err = events.Consume(ctx, js, events.ConsumerOptions{
		Durable: "acd",
		Snapshot: func(ctx context.Context, everybody []events.UserEvent) error {
			for _, e := range everybody {
				fmt.Println(e.Data.User.ID, "is", e.Data.Availability)
			}
			stop()
			return nil // an error would bring the snapshot again
		},
	}, func(ctx context.Context, e events.UserEvent) error {
		fmt.Println(e.Data.User.ID, "became", e.Data.Availability)
		return nil
	})
	fmt.Println(err)
	// Output:
	// b36a4df4-9d72-4b1e-a7f6-97c6e9a6f0a1 is Busy
	// context canceled
}

// The state of everybody at this moment.
func ExampleSnapshot() {
	url, closeServer := exampleServer()
	defer closeServer()

	nc, err := events.Connect(events.ConnectOptions{URL: url, Name: "report"})
	if err != nil {
		panic(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		panic(err)
	}
	for e, err := range events.Snapshot(context.Background(), js) {
		if err != nil {
			panic(err)
		}
		fmt.Println(e.Data.User.ID, e.Data.Availability)
	}
	// Output: b36a4df4-9d72-4b1e-a7f6-97c6e9a6f0a1 Busy
}
