package graphsim

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// call is one request to Graph on its way through a route.
type call struct {
	*http.Request
	who    identity
	arg    []string // what the stars of the route's pattern stand for
	status int      // of success; 0 means 200, or 204 without a body
	answer http.Header
	breach string
}

// graphError is an answer in Graph's form.
type graphError struct {
	status        int
	code, message string
	header        http.Header
}

func (e *graphError) Error() string { return fmt.Sprintf("%d %s: %s", e.status, e.code, e.message) }

func badRequest(code, message string) error {
	return &graphError{status: http.StatusBadRequest, code: code, message: message}
}

// serveGraph answers one request and writes it down.
func (s *Simulator) serveGraph(w http.ResponseWriter, r *http.Request) {
	started := time.Now()
	line := Request{At: started, Kind: KindGraph, Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery}
	c := &call{Request: r, answer: w.Header()}
	id := s.ids.guid()
	c.answer.Set("request-id", id)
	client := r.Header.Get("client-request-id")
	if client == "" {
		client = id
	}
	c.answer.Set("client-request-id", client)
	c.answer.Set("x-ms-ags-diagnostic", `{"ServerInfo":{"DataCenter":"Simulator","Slice":"E","Ring":"0","ScaleUnit":"000","RoleInstance":"SIM"}}`)

	body, err := s.dispatch(c)
	line.Who, line.Breach = c.who.name(), c.breach
	if err != nil {
		line.Status, line.Code = s.writeError(w, err, id, client)
	} else {
		line.Status = s.writeBody(w, c, body)
	}
	line.Took = time.Since(started)
	s.record(line)
}

func (s *Simulator) writeError(w http.ResponseWriter, err error, id, client string) (status int, code string) {
	e, ok := errors.AsType[*graphError](err)
	if !ok {
		e = &graphError{status: http.StatusInternalServerError, code: "InternalServerError", message: err.Error()}
	}
	for name, values := range e.header {
		w.Header()[name] = values
	}
	body := object{"error": object{
		"code": e.code, "message": e.message,
		"innerError": object{"date": time.Now().UTC().Format("2006-01-02T15:04:05"), "request-id": id, "client-request-id": client},
	}}
	writeJSON(w, e.status, body)
	return e.status, e.code
}

func (s *Simulator) writeBody(w http.ResponseWriter, c *call, body object) int {
	if body == nil {
		status := max(c.status, http.StatusNoContent)
		w.WriteHeader(status)
		return status
	}
	if s.Faults().UnknownMembers {
		body["@odata.futureAnnotation"] = object{"since": 2027, "values": []any{nil, "a"}}
		if list, ok := body["value"].([]object); ok {
			for _, o := range list {
				o["futureMember"] = object{"kind": "unheardOf"}
			}
		} else {
			body["futureMember"] = nil
		}
	}
	status := max(c.status, http.StatusOK)
	writeJSON(w, status, body)
	return status
}

// dispatch goes from the most general refusal to the route itself.
func (s *Simulator) dispatch(c *call) (object, error) {
	path := strings.TrimPrefix(c.URL.Path, "/v1.0")
	if err := s.refusal(c.Method, path); err != nil {
		return nil, err
	}
	who, err := s.identify(c.Request)
	if err != nil {
		return nil, err
	}
	c.who = who
	route, err := findRoute(c, path)
	if err != nil {
		return nil, err
	}
	if err := s.limit(c, route); err != nil {
		return nil, err
	}
	if err := s.hiccup(); err != nil {
		return nil, err
	}
	if route.allow != nil && !route.allow(c) {
		return nil, &graphError{status: http.StatusForbidden, code: "Authorization_RequestDenied", message: "Insufficient privileges to complete the operation."}
	}
	return route.do(s, c)
}

// readJSON reads a body whose member names are all known. OData annotations are let through.
func readJSON(c *call, into any, known ...string) error {
	if t, _, _ := mime.ParseMediaType(c.Header.Get("Content-Type")); t != "application/json" {
		return &graphError{status: http.StatusUnsupportedMediaType, code: "UnsupportedMediaType", message: "A request body must be application/json."}
	}
	if e := c.Header.Get("Content-Encoding"); e != "" {
		return &graphError{status: http.StatusUnsupportedMediaType, code: "UnsupportedMediaType", message: "Content-Encoding '" + e + "' is not supported."}
	}
	b, err := io.ReadAll(c.Body)
	if err != nil {
		return badRequest("BadRequest", "Unable to read the request body.")
	}
	var members map[string]jsontext.Value
	if json.Unmarshal(b, &members) != nil {
		return badRequest("BadRequest", "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.")
	}
	for name := range members {
		if !strings.HasPrefix(name, "@odata.") && !slices.Contains(known, name) {
			return badRequest("BadRequest", "The property '"+name+"' does not exist on this type. Make sure to only use property names that are defined by the type.")
		}
	}
	if json.Unmarshal(b, into) != nil {
		return badRequest("BadRequest", "A property of the request has a value of the wrong type.")
	}
	return nil
}

func seconds(d time.Duration) string {
	return strconv.Itoa(max(1, int((d+time.Second-1)/time.Second)))
}
