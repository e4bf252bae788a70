package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// consumer reads the stream as a stranger would: with a NATS client and the
// documented names, and with nothing of ours that could share a mistake.
type consumer struct {
	conn   *nats.Conn
	stream jetstream.Stream
}

// event is the part of a user event that the demo shows.
type event struct {
	Data struct {
		User struct {
			ID          string `json:"id"`
			DisplayName string `json:"displayName"`
		} `json:"user"`
		Availability string `json:"availability"`
		Activity     string `json:"activity"`
		Origin       string `json:"origin"`
	} `json:"data"`
	at time.Time
}

func dial(url string) (*consumer, error) {
	conn, err := nats.Connect(url, nats.Name("demo consumer"))
	if err != nil {
		return nil, fmt.Errorf("connect the demo's consumer: %w", err)
	}
	return &consumer{conn: conn}, nil
}

func (c *consumer) close() { c.conn.Close() }

// run hands every user event to f, in order, until ctx ends, and calls tick a
// few times a second. It waits for the stream if that is not there yet.
func (c *consumer) run(ctx context.Context, f func(event), tick func()) error {
	js, err := jetstream.New(c.conn)
	if err != nil {
		return fmt.Errorf("use JetStream: %w", err)
	}
	for c.stream == nil {
		if c.stream, err = js.Stream(ctx, "PRESENCE"); err != nil {
			if !sleep(ctx, 20*time.Millisecond) {
				return nil
			}
		}
	}
	ordered, err := c.stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{FilterSubjects: []string{"presence.v1.user.>"}})
	if err != nil {
		return fmt.Errorf("consume the stream: %w", err)
	}
	received := make(chan jetstream.Msg, 256)
	consuming, err := ordered.Consume(func(m jetstream.Msg) {
		select {
		case received <- m:
		case <-ctx.Done():
		}
	})
	if err != nil {
		return fmt.Errorf("consume the stream: %w", err)
	}
	defer consuming.Stop()
	ticker := time.NewTicker(250 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			tick()
		case m := <-received:
			e := event{at: time.Now()}
			if err := json.Unmarshal(m.Data(), &e); err != nil {
				return fmt.Errorf("read an event: %w", err)
			}
			f(e)
		}
	}
}
