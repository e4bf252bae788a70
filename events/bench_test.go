package events_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"jtel.de/presencebridge/events"
)

// BenchmarkPublish is what one callback pays for storing its items in a server
// on the same machine, over TCP.
func BenchmarkPublish(b *testing.B) {
	for _, sync := range []bool{false, true} {
		for _, size := range []int{1, 50} {
			b.Run(fmt.Sprintf("sync=%t/batch=%d", sync, size), func(b *testing.B) {
				_, p, _ := running(b, func(o *server.Options) { o.SyncAlways = sync })
				batch := make([]events.Message, size)
				for i := range batch {
					batch[i] = message(b, exampleEvent())
				}
				n := 0
				for b.Loop() {
					for i := range batch {
						n++
						batch[i].ID = fmt.Sprint(n)
					}
					for _, a := range p.Publish(b.Context(), batch) {
						if a.Err != nil || a.Duplicate {
							b.Fatalf("got %+v", a)
						}
					}
				}
				b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "msg/s")
			})
		}
	}
}

// BenchmarkSnapshot reads 10,000 people.
func BenchmarkSnapshot(b *testing.B) {
	_, p, js := running(b)
	var es []events.UserEvent
	for i := range 10_000 {
		es = append(es, userEvent(person(i), "Busy", fmt.Sprint(i)))
	}
	publish(b, p, es...)
	for b.Loop() {
		if n := len(snapshot(b, js)); n != 10_000 {
			b.Fatalf("%d people", n)
		}
	}
}

// BenchmarkWatch is how long a wallboard that starts takes until it shows 10,000
// people: within a second on one core.
func BenchmarkWatch(b *testing.B) {
	_, p, js := running(b)
	var es []events.UserEvent
	for i := range 10_000 {
		es = append(es, userEvent(person(i), "Busy", fmt.Sprint(i)))
	}
	publish(b, p, es...)
	for b.Loop() {
		people := map[string]bool{}
		current := errors.New("current")
		err := events.Watcher{
			Changed: func(e events.UserEvent) error { people[e.Data.User.ID] = true; return nil },
			Current: func() error { return current },
		}.Run(b.Context(), js)
		if !errors.Is(err, current) || len(people) != 10_000 {
			b.Fatalf("%d people, %v", len(people), err)
		}
	}
}
