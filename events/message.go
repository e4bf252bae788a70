package events

import (
	"maps"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Message is an event ready to be published.
type Message struct {
	Subject string
	ID      string // Nats-Msg-Id: the stream stores one id once
	Data    []byte
	// Traceparent (W3C trace context) is sent as a header if it is well-formed.
	Traceparent string
	// Conditional stores the message only if After is the sequence of the last
	// message of its subject, zero meaning that there is none. Otherwise its Ack
	// has [ErrConflict]: another publisher was faster.
	Conditional bool
	After       uint64

	// rollup wipes what the subject held before.
	rollup bool
	// header is that of a message that is passed on as it is.
	header nats.Header
}

// Headers that the server or the key-value convention give a meaning.
const (
	headerOperation = "KV-Operation"
	operationPurge  = "PURGE"
	headerSource    = "Nats-Stream-Source" // "PRESENCE <sequence> ..." on what the server copied
)

// PassOn makes a message that stores on another server what m tells, as it is:
// event, purge or whatever else is on the stream, with its own id. A message
// without an id, which a purge is, gets the one given.
func PassOn(m jetstream.Msg, id string) Message {
	header := maps.Clone(m.Headers())
	if header == nil {
		header = nats.Header{}
	}
	for name := range header {
		// What the sender expected of the first stream need not hold on the next.
		if strings.HasPrefix(name, "Nats-Expected-") {
			delete(header, name)
		}
	}
	withoutBatch(header)
	if header.Get(jetstream.MsgIDHeader) == "" {
		header.Set(jetstream.MsgIDHeader, id)
	}
	return Message{Subject: m.Subject(), ID: header.Get(jetstream.MsgIDHeader), Data: m.Data(), header: header}
}

// isTraceparent checks the form 00-<32 hex>-<16 hex>-<2 hex>, in lower case.
func isTraceparent(s string) bool {
	const form = "xx-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-xxxxxxxxxxxxxxxx-xx"
	if len(s) != len(form) {
		return false
	}
	for i := range len(s) {
		hex := '0' <= s[i] && s[i] <= '9' || 'a' <= s[i] && s[i] <= 'f'
		if form[i] == '-' && s[i] != '-' || form[i] == 'x' && !hex {
			return false
		}
	}
	return true
}

// NewMessage encodes an event and addresses it.
func NewMessage[T Data](e Event[T]) (Message, error) {
	b, to, err := encode(e)
	if err != nil {
		return Message{}, err
	}
	m := Message{Subject: to.subject, ID: e.ID, Data: b}
	if d, ok := any(e.Data).(DirectoryData); ok {
		m.rollup = d.Change == Removed
	}
	return m, nil
}
