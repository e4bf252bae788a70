package events

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Last gives the last event of a person on the stream and the sequence of the
// last message about them, which is another one if that tells no state: after a
// purge there is a sequence and no event, and after [StreamOptions.History]
// there is neither. It asks the stream's leader, who knows of every
// acknowledgement, as followers may not.
func (p *Publisher) Last(ctx context.Context, tenantID, userID string) (e UserEvent, sequence uint64, err error) {
	subject, err := UserSubject(tenantID, userID)
	if err != nil {
		return UserEvent{}, 0, fmt.Errorf("last event: %w", err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, p.o.Timeout, errNoAck)
	defer cancel()
	m, err := p.last(ctx, subject)
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return UserEvent{}, 0, nil
	case err != nil:
		return UserEvent{}, 0, fmt.Errorf("last event of a person of tenant %s: %w", tenantID, unavailable(err))
	case m.purged:
		return UserEvent{}, m.Sequence, nil
	}
	if e, err = Decode[UserData](m.Data); err != nil {
		// Not ours: whoever may publish must not keep us from doing so.
		return UserEvent{}, m.Sequence, nil
	}
	e.Sequence = m.Sequence
	return e, m.Sequence, nil
}

// storedMessage is a message as the server's API tells it.
type storedMessage struct {
	Sequence uint64 `json:"seq"`
	Data     []byte `json:"data"`
	Header   []byte `json:"hdrs"`

	purged bool
}

// codeNoMessage is the server's "no message found".
const codeNoMessage = 10037

func (p *Publisher) last(ctx context.Context, subject string) (storedMessage, error) {
	question, err := json.Marshal(map[string]string{"last_by_subj": subject})
	if err != nil {
		return storedMessage{}, err
	}
	answer, err := p.nc.RequestWithContext(ctx, jetstream.DefaultAPIPrefix+"STREAM.MSG.GET."+Stream, question)
	if err != nil {
		return storedMessage{}, err
	}
	var told struct {
		Error   *jetstream.APIError `json:"error"`
		Message storedMessage       `json:"message"`
	}
	if err := json.Unmarshal(answer.Data, &told); err != nil {
		return storedMessage{}, fmt.Errorf("read the server's answer: %w", err)
	}
	switch {
	case told.Error == nil && len(told.Message.Header) > 0:
		h, err := nats.DecodeHeadersMsg(told.Message.Header)
		if err != nil {
			return storedMessage{}, fmt.Errorf("read headers: %w", err)
		}
		told.Message.purged = removes(h)
		return told.Message, nil
	case told.Error == nil:
		return told.Message, nil
	case told.Error.ErrorCode == codeNoMessage:
		return storedMessage{}, jetstream.ErrMsgNotFound
	}
	return storedMessage{}, told.Error
}
