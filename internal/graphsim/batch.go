package graphsim

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

const batchMax = 20

type batchRequest struct {
	ID        string            `json:"id"`
	Method    string            `json:"method"`
	URL       string            `json:"url"`
	Headers   map[string]string `json:"headers"`
	Body      jsontext.Value    `json:"body"`
	DependsOn []string          `json:"dependsOn"`
}

// recorder takes the answer to one part of a batch.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.header }
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}
func (r *recorder) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(b)
}

// batch answers its parts one after the other, each with its own status.
func (s *Simulator) batch(c *call) (object, error) {
	var q struct {
		Requests []batchRequest `json:"requests"`
	}
	if err := readJSON(c, &q, "requests"); err != nil {
		return nil, err
	}
	if len(q.Requests) == 0 || len(q.Requests) > batchMax {
		return nil, badRequest("MaxLimitExceeded", fmt.Sprintf("Number of batch request steps exceeds the maximum value of %d.", batchMax))
	}
	failed := map[string]bool{}
	answers := []object{}
	for i, part := range q.Requests {
		if part.ID == "" || slices.ContainsFunc(q.Requests[:i], func(o batchRequest) bool { return o.ID == part.ID }) {
			return nil, badRequest("BadRequest", "Every request of a batch needs an id of its own.")
		}
		if slices.ContainsFunc(part.DependsOn, func(id string) bool { return failed[id] }) {
			failed[part.ID] = true
			answers = append(answers, object{"id": part.ID, "status": http.StatusFailedDependency, "headers": object{}, "body": object{"error": object{"code": "FailedDependency", "message": "A request that this one depends on has failed."}}})
			continue
		}
		o, err := s.batchPart(c, part)
		if err != nil {
			return nil, err
		}
		failed[part.ID] = o["status"].(int) >= 400
		answers = append(answers, o)
	}
	s.chance.shuffle(len(answers), func(i, j int) { answers[i], answers[j] = answers[j], answers[i] })
	return object{"responses": answers}, nil
}

func (s *Simulator) batchPart(c *call, part batchRequest) (object, error) {
	target, err := url.Parse("/v1.0/" + strings.TrimPrefix(part.URL, "/"))
	if err != nil || strings.Contains(part.URL, "://") || strings.HasPrefix(target.Path, "/v1.0/$batch") {
		return nil, badRequest("BadRequest", "Invalid batch payload format: the url of request '"+part.ID+"' must be relative.")
	}
	r, err := http.NewRequestWithContext(c.Context(), strings.ToUpper(part.Method), target.String(), bytes.NewReader(part.Body))
	if err != nil {
		return nil, badRequest("BadRequest", "Invalid batch payload format.")
	}
	r.Header.Set("Authorization", c.Header.Get("Authorization"))
	for name, value := range part.Headers {
		r.Header.Set(name, value)
	}
	w := &recorder{header: http.Header{}}
	s.serveGraph(w, r)
	headers := object{}
	for name := range w.header {
		headers[name] = w.header.Get(name)
	}
	o := object{"id": part.ID, "status": w.status, "headers": headers}
	if w.body.Len() > 0 {
		o["body"] = jsontext.Value(bytes.TrimSpace(w.body.Bytes()))
	}
	return o, nil
}
