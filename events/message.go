package events

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
}

// Headers that the server or the key-value convention give a meaning.
const (
	headerOperation = "KV-Operation"
	operationPurge  = "PURGE"
	headerSource    = "Nats-Stream-Source" // "PRESENCE <sequence> ..." on what the server copied
)

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
