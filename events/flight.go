package events

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// flight is messages that were published together and wait for their
// acknowledgements.
type flight struct {
	number uint64
	acks   []Ack
	left   int           // acknowledgements that have not come
	landed chan struct{} // closed when none is left
}

// Marks of messages that wait, in place of their acknowledgement's error.
var (
	errNotSent  = errors.New("not sent")
	errUnderWay = errors.New("under way") // it takes room in the tower
)

// tower hears the acknowledgements of all flights, on one subscription. It does
// what the library's asynchronous publishing does, but with one entry and one
// wake-up for each batch instead of each message.
type tower struct {
	prefix string        // of the reply subjects: <prefix><flight>.<message>
	room   chan struct{} // one element for each message under way

	mu      sync.Mutex
	last    uint64
	flights map[uint64]*flight
}

func newTower(nc *nats.Conn, room int) (*tower, error) {
	t := &tower{prefix: nc.NewInbox() + ".", room: make(chan struct{}, room), flights: map[uint64]*flight{}}
	if _, err := nc.Subscribe(t.prefix+">", t.hear); err != nil {
		return nil, err
	}
	// What is under way when a connection ends is never acknowledged.
	before := nc.DisconnectErrHandler()
	nc.SetDisconnectErrHandler(func(nc *nats.Conn, err error) {
		t.fail(nats.ErrDisconnected)
		if before != nil {
			before(nc, err)
		}
	})
	return t, nil
}

// announce makes a flight of that many messages, none of which is sent.
func (t *tower) announce(messages int) *flight {
	f := &flight{acks: make([]Ack, messages), left: messages, landed: make(chan struct{})}
	for i := range f.acks {
		f.acks[i].Err = errNotSent
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last++
	f.number = t.last
	t.flights[f.number] = f
	return f
}

// reply is where the acknowledgement of a message goes.
func (t *tower) reply(f *flight, message int) string {
	var buf [64]byte
	b := append(buf[:0], t.prefix...)
	b = strconv.AppendUint(b, f.number, 36)
	b = append(b, '.')
	return string(strconv.AppendUint(b, uint64(message), 36))
}

// hear takes the answer to one message.
func (t *tower) hear(m *nats.Msg) {
	flightText, messageText, _ := strings.Cut(strings.TrimPrefix(m.Subject, t.prefix), ".")
	number, err := strconv.ParseUint(flightText, 36, 64)
	if err != nil {
		return
	}
	message, err := strconv.ParseUint(messageText, 36, 31)
	if err != nil {
		return
	}
	ack := readAck(m)
	t.mu.Lock()
	defer t.mu.Unlock()
	if f := t.flights[number]; f != nil && int(message) < len(f.acks) {
		t.arrive(f, int(message), ack)
	}
}

// depart notes that a message, for which there is room, is about to be sent.
func (t *tower) depart(f *flight, message int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f.acks[message].Err = errUnderWay
}

// arrive settles a message under way. What comes twice or too late is of no
// interest. The caller holds the mutex.
func (t *tower) arrive(f *flight, message int, ack Ack) {
	if f.acks[message].Err == errUnderWay {
		t.settle(f, message, ack)
		<-t.room
	}
}

// settle is for the last word about a message. The caller holds the mutex.
func (t *tower) settle(f *flight, message int, ack Ack) {
	f.acks[message] = ack
	if f.left--; f.left == 0 {
		delete(t.flights, f.number)
		close(f.landed)
	}
}

// lose settles a message that could not be sent.
func (t *tower) lose(f *flight, message int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if f.acks[message].Err == errNotSent {
		t.settle(f, message, Ack{Err: err})
		return
	}
	t.arrive(f, message, Ack{Err: err})
}

// abandon settles whatever is still under way.
func (t *tower) abandon(f *flight, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range f.acks {
		t.arrive(f, i, Ack{Err: err})
	}
}

func (t *tower) fail(err error) {
	t.mu.Lock()
	flights := make([]*flight, 0, len(t.flights))
	for _, f := range t.flights {
		flights = append(flights, f)
	}
	t.mu.Unlock()
	for _, f := range flights {
		t.abandon(f, err)
	}
}

// What a stream answers to nearly every message is read without a decoder.
const (
	usualAck     = `{"stream":"` + Stream + `","seq":`
	usualEnd     = `}`
	duplicateEnd = `,"duplicate": true}`
)

func readAck(m *nats.Msg) Ack {
	if rest, ok := strings.CutPrefix(string(m.Data), usualAck); ok {
		digits, duplicate := strings.CutSuffix(rest, duplicateEnd)
		if !duplicate {
			digits = strings.TrimSuffix(rest, usualEnd)
		}
		if sequence, err := strconv.ParseUint(digits, 10, 64); err == nil && sequence > 0 {
			return Ack{Sequence: sequence, Duplicate: duplicate}
		}
	}
	if len(m.Data) == 0 && m.Header.Get("Status") == "503" {
		return Ack{Err: jetstream.ErrNoStreamResponse}
	}
	var told struct {
		Error *jetstream.APIError `json:"error"`
		jetstream.PubAck
	}
	switch err := json.Unmarshal(m.Data, &told); {
	case err != nil:
		return Ack{Err: fmt.Errorf("read an acknowledgement: %w", err)}
	case told.Error != nil:
		return Ack{Err: told.Error}
	case told.Stream == "" || told.Sequence == 0:
		return Ack{Err: jetstream.ErrInvalidJSAck}
	}
	return Ack{Sequence: told.Sequence, Duplicate: told.Duplicate}
}
