package inquiry

import (
	"context"
	"errors"
	"fmt"
	"net/textproto"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/nats-io/nats.go/micro"

	"jtel.de/presencebridge/docs"
	"jtel.de/presencebridge/events"
)

// within is how long an answer may take. Whoever asks has a deadline, too, most
// often two seconds.
const within = 1500 * time.Millisecond

// longest is how long a request may be; none of ours is near it.
const longest = 64 << 10

// answer is what is sent.
type answer struct {
	contentType string
	body        []byte
}

const plainJSON = "application/json"

func jsonAnswer(v any) (answer, error) {
	b, err := json.Marshal(v)
	return answer{plainJSON, b}, err
}

func refuse(code int, format string, a ...any) error {
	return &events.RequestError{Code: code, Text: fmt.Sprintf(format, a...)}
}

// respond is the one place that answers. What is no error of a request is told
// as unavailable, without its text: it is ours and not the asker's.
func respond(ctx context.Context, r micro.Request, f func(context.Context, []byte) (answer, error)) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	a, err := f(ctx, r.Data())
	if err == nil {
		_ = r.Respond(a.body, micro.WithHeaders(micro.Headers{"Content-Type": {a.contentType}})) // it only fails when the connection is away
		return
	}
	refused, ok := errors.AsType[*events.RequestError](err)
	if !ok {
		refused = &events.RequestError{Code: events.CodeUnavailable, Text: "not now: what is asked for could not be read; ask again"}
	}
	body, err := json.Marshal(struct {
		Code  int    `json:"code"`
		Error string `json:"error"`
	}{refused.Code, refused.Text})
	if err != nil {
		panic(err) // a number and a text
	}
	_ = r.Error(strconv.Itoa(refused.Code), textproto.TrimString(oneLine(refused.Text)), body,
		micro.WithHeaders(micro.Headers{"Content-Type": {plainJSON}}))
}

// oneLine makes a text fit for a header, whatever the asker put into it.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, text)
}

// read takes a request: none means one without members.
func read[T any](body []byte) (T, error) {
	var request T
	switch {
	case len(body) == 0:
		return request, nil
	case len(body) > longest:
		return request, refuse(events.CodeInvalid, "the request has %d bytes; %d are allowed", len(body), longest)
	}
	if err := json.Unmarshal(body, &request, json.RejectUnknownMembers(true)); err != nil {
		return request, refuse(events.CodeInvalid, "the request cannot be read: %s", explain(err))
	}
	return request, nil
}

// explain leaves out what only a Go developer understands.
func explain(err error) string {
	semantic, ok := errors.AsType[*json.SemanticError](err)
	if !ok {
		return "it is no JSON: " + strings.TrimPrefix(err.Error(), "jsontext: ")
	}
	where := string(semantic.JSONPointer)
	if errors.Is(err, json.ErrUnknownName) {
		return fmt.Sprintf("it has no member %s", strings.TrimPrefix(where, "/"))
	}
	if where == "" {
		return "it must be an object"
	}
	return fmt.Sprintf("member %s has a value of the wrong kind", strings.TrimPrefix(where, "/"))
}

// schemas are those of an endpoint's requests and answers.
func schemas(name string) (request, reply string) {
	var all struct {
		Defs map[string]jsontext.Value `json:"$defs"`
	}
	if err := json.Unmarshal(docs.RequestsSchema, &all); err != nil {
		panic(err) // it is a part of the program, and tested
	}
	compact := func(name string) string {
		v := all.Defs[name]
		if err := v.Compact(); err != nil {
			panic(err)
		}
		return string(v)
	}
	return compact(name + "Request"), compact(name + "Answer")
}
