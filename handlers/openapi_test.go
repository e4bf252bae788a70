package handlers

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// document is the OpenAPI document, with its schemas as a validator.
type document struct {
	Paths    map[string]map[string]struct{ Responses map[string]any }
	compiler *jsonschema.Compiler
}

func openDocument(t *testing.T, text []byte) *document {
	t.Helper()
	d := &document{compiler: jsonschema.NewCompiler()}
	if err := json.Unmarshal(text, d); err != nil {
		t.Fatal(err)
	}
	raw, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	d.compiler.AssertFormat()
	if err := d.compiler.AddResource("doc:openapi", raw); err != nil {
		t.Fatal(err)
	}
	return d
}

// check holds an answer against the document.
func (d *document) check(method, path string, status int, kind, body string) error {
	pointer := "/paths/" + strings.ReplaceAll(path, "/", "~1") + "/" + strings.ToLower(method) + "/responses/" + strconv.Itoa(status)
	response, documented := d.Paths[path][strings.ToLower(method)].Responses[strconv.Itoa(status)].(map[string]any)
	if !documented {
		return fmt.Errorf("the document has no response %d", status)
	}
	if ref, ok := response["$ref"].(string); ok {
		pointer = strings.TrimPrefix(ref, "#")
	}
	kind, _, _ = strings.Cut(kind, ";")
	if !strings.HasSuffix(kind, "json") {
		return nil
	}
	schema, err := d.compiler.Compile("doc:openapi#" + pointer + "/content/" + strings.ReplaceAll(kind, "/", "~1") + "/schema")
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
	if err != nil {
		return err
	}
	return schema.Validate(value)
}

// Every route stands in the document and the other way round, and every answer
// that it promises is given, and is as it says.
func TestOpenAPI(t *testing.T) {
	d := openDocument(t, openAPI)
	o := someOffice()
	e := NewAdmin(AdminOptions{Log: slog.New(slog.DiscardHandler), Metrics: http.NotFoundHandler()})
	o.add(e, FeedOptions{})
	routes, documented := map[string]bool{}, map[string]bool{}
	for _, r := range e.Routes() {
		if r.Method != "echo_route_not_found" && r.Path != pageRoot && r.Path != pagePath { // the page is for people
			routes[r.Method+" "+regexp.MustCompile(`:(\w+)`).ReplaceAllString(r.Path, "{$1}")] = true
		}
	}
	for path, methods := range d.Paths {
		for method := range methods {
			documented[strings.ToUpper(method)+" "+path] = true
		}
	}
	for r := range routes {
		if !documented[r] {
			t.Errorf("%s is not in handlers/openapi.json", r)
		}
	}
	for r := range documented {
		if !routes[r] {
			t.Errorf("%s is in handlers/openapi.json and nowhere else", r)
		}
	}

	server := o.serve(t, "token", FeedOptions{})
	given := map[string]bool{}
	for _, tt := range openAPICalls {
		o.late, o.feed.away = tt.away, tt.away
		header := slices.Concat([]string{"Authorization", "Bearer token"}, tt.header)
		path := strings.NewReplacer("{userId}", cmpOr(tt.id, personID(0)), "{id}", cmpOr(tt.id, subA)).Replace(tt.path)
		res, body := ask(t, server, tt.method, path+tt.query, header...)
		if res.StatusCode != tt.status {
			t.Errorf("%s %s%s: %d %s, want %d", tt.method, path, tt.query, res.StatusCode, body, tt.status)
		}
		if err := d.check(tt.method, tt.path, res.StatusCode, res.Header.Get("Content-Type"), body); err != nil {
			t.Errorf("%s %s: %d %s:\n%v", tt.method, path, res.StatusCode, body, err)
		}
		given[fmt.Sprint(tt.method, " ", tt.path, " ", tt.status)] = true
	}
	for path, methods := range d.Paths {
		for method, op := range methods {
			for status := range op.Responses {
				// What ends on its own is asked here; the stream has tests of its own.
				if name := strings.ToUpper(method) + " " + path + " " + status; !given[name] && name != "GET /api/v1/events 200" {
					t.Errorf("no call gives %s", name)
				}
			}
		}
	}
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

type openAPICall struct {
	method, path, query string
	status              int
	id                  string
	header              []string
	away                bool
}

var openAPICalls = func() []openAPICall {
	stranger, foreign := []string{"Authorization", "none"}, []string{"Sec-Fetch-Site", "cross-site"}
	calls := []openAPICall{
		{method: "GET", path: "/healthz", status: 200},
		{method: "GET", path: "/readyz", status: 200},
		{method: "GET", path: "/readyz", status: 503, away: true},
		{method: "GET", path: "/metrics", status: 200},
		{method: "GET", path: "/metrics", status: 401, header: stranger},
		{method: "GET", path: "/api/v1/openapi.json", status: 200},
		{method: "GET", path: "/api/v1/openapi.json", status: 401, header: stranger},
		{method: "GET", path: "/api/v1/presence", status: 200},
		{method: "GET", path: "/api/v1/presence", query: "?limit=1", status: 200},
		{method: "GET", path: "/api/v1/presence", query: "?mail=nobody", status: 200},
		{method: "GET", path: "/api/v1/presence", query: "?limit=0", status: 400},
		{method: "GET", path: "/api/v1/presence/{userId}", status: 200},
		{method: "GET", path: "/api/v1/presence/{userId}", status: 200, id: personID(2)},
		{method: "GET", path: "/api/v1/presence/{userId}", status: 404, id: "nobody"},
		{method: "GET", path: "/api/v1/events", query: "?type=all", status: 400},
		{method: "GET", path: "/api/v1/events", status: 503, away: true},
		{method: "GET", path: "/api/v1/subscriptions", status: 200},
		{method: "GET", path: "/api/v1/subscriptions", query: "?limit=1", status: 200},
		{method: "GET", path: "/api/v1/subscriptions", query: "?cursor=*", status: 400},
		{method: "POST", path: "/api/v1/subscriptions/{id}/renew", status: 202},
		{method: "POST", path: "/api/v1/subscriptions/{id}/renew", status: 404, id: "none"},
		{method: "POST", path: "/api/v1/subscriptions/{id}/recreate", status: 202},
		{method: "POST", path: "/api/v1/subscriptions/{id}/recreate", status: 404, id: "none"},
		{method: "DELETE", path: "/api/v1/subscriptions/{id}", status: 202},
		{method: "DELETE", path: "/api/v1/subscriptions/{id}", status: 404, id: "none"},
		{method: "GET", path: "/api/v1/coverage", status: 200},
		{method: "POST", path: "/api/v1/sweep", status: 202},
		{method: "POST", path: "/api/v1/sweep", query: "?tenant=none", status: 400},
		{method: "GET", path: "/api/v1/presence", status: 503, away: true},
		{method: "GET", path: "/api/v1/presence/{userId}", status: 503, away: true},
		{method: "GET", path: "/api/v1/expiries", status: 200},
		{method: "GET", path: "/api/v1/activity", status: 200},
		{method: "GET", path: "/api/v1/trail/{userId}", status: 200},
		{method: "GET", path: "/api/v1/trail/{userId}", query: "?at=noon", status: 400},
		{method: "GET", path: "/api/v1/trail/{userId}", status: 404, id: "nobody"},
		{method: "GET", path: "/api/v1/trail/{userId}", status: 409, id: "several"},
		{method: "GET", path: "/api/v1/keys", status: 200},
		{method: "POST", path: "/api/v1/keys/rotate", status: 200},
		{method: "POST", path: "/api/v1/keys/rotate", status: 409},
		{method: "GET", path: "/api/v1/people/report", status: 200},
		{method: "GET", path: "/api/v1/people/report", query: "?limit=1", status: 200},
		{method: "GET", path: "/api/v1/people/report", query: "?tenant=none", status: 400},
	}
	asked := map[string]bool{}
	for _, c := range calls {
		if name := c.method + c.path; strings.HasPrefix(c.path, "/api/v1/") && !asked[name] && c.path != "/api/v1/openapi.json" {
			asked[name] = true
			calls = append(calls, openAPICall{method: c.method, path: c.path, status: 401, header: stranger},
				openAPICall{method: c.method, path: c.path, status: 403, header: foreign})
		}
	}
	return calls
}()
