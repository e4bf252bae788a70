package events

import "regexp"

// Message is an event ready to be published.
type Message struct {
	Subject string
	ID      string // Nats-Msg-Id: the stream stores one id once
	Data    []byte
	// Traceparent (W3C trace context) is sent as a header if it is well-formed.
	Traceparent string

	// rollup wipes what the subject held before.
	rollup bool
}

// Headers that the server or the key-value convention give a meaning.
const (
	headerOperation = "KV-Operation"
	operationPurge  = "PURGE"
	headerSource    = "Nats-Stream-Source" // "PRESENCE <sequence> ..." on what the server copied
)

var traceparent = regexp.MustCompile(`^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`)

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
