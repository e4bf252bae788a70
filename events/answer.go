package events

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
)

// answerWithin is how long a question waits at most, whatever its context says.
const answerWithin = 5 * time.Second

// RequestError is an answer of the service that is none.
type RequestError struct {
	Code int // one of CodeInvalid, CodeNotFound and CodeUnavailable
	Text string
}

func (e *RequestError) Error() string { return e.Text }

// Get asks the service for the last event about a person.
func Get(ctx context.Context, nc *nats.Conn, r GetRequest) (UserEvent, error) {
	b, err := request(ctx, nc, RequestGet, r)
	if err != nil {
		return UserEvent{}, err
	}
	return Decode[UserData](b)
}

// Find asks the service who has an address or a number. More than one answer
// means that it cannot be told whom they belong to.
func Find(ctx context.Context, nc *nats.Conn, r FindRequest) ([]UserEvent, error) {
	p, err := people(ctx, nc, RequestFind, r)
	return p.People, err
}

// List asks the service for a page of everybody.
func List(ctx context.Context, nc *nats.Conn, r ListRequest) (People, error) {
	return people(ctx, nc, RequestList, r)
}

// AskCoverage asks the service how everybody is covered.
func AskCoverage(ctx context.Context, nc *nats.Conn, r CoverageRequest) (Coverage, error) {
	b, err := request(ctx, nc, RequestCoverage, r)
	if err != nil {
		return Coverage{}, err
	}
	var in coverageAnswer
	if err := json.Unmarshal(b, &in); err != nil {
		return Coverage{}, fmt.Errorf("answer of %s: %w", RequestCoverage, err)
	}
	var c Coverage
	c.Coverage, err = decodeAll[CoverageData](in.Coverage)
	return c, err
}

// Refresh asks the service to have people read now, and does not wait for it.
func Refresh(ctx context.Context, nc *nats.Conn, r RefreshRequest) (Refreshed, error) {
	b, err := request(ctx, nc, RequestRefresh, r)
	if err != nil {
		return Refreshed{}, err
	}
	var out Refreshed
	return out, json.Unmarshal(b, &out)
}

func people(ctx context.Context, nc *nats.Conn, subject string, r any) (People, error) {
	b, err := request(ctx, nc, subject, r)
	if err != nil {
		return People{}, err
	}
	var in peopleAnswer
	if err := json.Unmarshal(b, &in); err != nil {
		return People{}, fmt.Errorf("answer of %s: %w", subject, err)
	}
	p := People{NextCursor: in.NextCursor}
	p.People, err = decodeAll[UserData](in.People)
	return p, err
}

func request(ctx context.Context, nc *nats.Conn, subject string, r any) ([]byte, error) {
	b, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("request %s: %w", subject, err)
	}
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	m, err := nc.RequestWithContext(ctx, subject, b)
	if errors.Is(err, nats.ErrNoResponders) {
		return nil, fmt.Errorf("request %s: %w", subject, &RequestError{CodeUnavailable, "no bridge answers"})
	}
	if err != nil {
		return nil, fmt.Errorf("request %s: %w", subject, err)
	}
	if text := m.Header.Get(micro.ErrorCodeHeader); text != "" {
		code, _ := strconv.Atoi(text)
		return nil, fmt.Errorf("request %s: %w", subject, &RequestError{code, m.Header.Get(micro.ErrorHeader)})
	}
	return m.Data, nil
}

func decodeAll[T Data](values []jsontext.Value) ([]Event[T], error) {
	all := make([]Event[T], 0, len(values))
	for _, v := range values {
		e, err := Decode[T](v)
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}
