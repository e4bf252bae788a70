package sdk

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"jtel.de/presencebridge/internal/graph"
)

func TestUserChanges(t *testing.T) {
	var g *fakeGraph
	g = newGraph(t, func(w http.ResponseWriter, r *http.Request) {
		link := g.URL + "/v1.0/users/delta?"
		switch q := r.URL.Query(); {
		case r.URL.Path != "/v1.0/users/delta":
			w.WriteHeader(http.StatusTeapot)
		case q.Get("$deltatoken") == "latest":
			fmt.Fprintf(w, `{"@odata.deltaLink":"%s$deltatoken=a%%2B1"}`, link)
		case q.Get("$deltatoken") == "a+1":
			fmt.Fprintf(w, `{"value":[{"id":"U2"},{"id":"u1","mail":null}],"@odata.nextLink":"%s$skiptoken=1"}`, link)
		case q.Get("$skiptoken") == "1":
			fmt.Fprintf(w, `{"value":[],"@odata.nextLink":"%s$skiptoken=2"}`, link)
		case q.Get("$skiptoken") == "2":
			fmt.Fprintf(w, `{"value":[{"id":"u1","@removed":{"reason":"changed"}},{"id":"u3","@removed":null},{}],"@odata.deltaLink":"%s$deltatoken=b"}`, link)
		}
	})
	c := g.client(t)
	changes, link, err := c.UserChanges(t.Context(), "")
	if err != nil || len(changes) != 0 || !strings.HasSuffix(link, "$deltatoken=a%2B1") {
		t.Fatalf("the link of now: %v, %q, %v", changes, link, err)
	}
	if q := g.seen()[0].URL.Query(); !strings.Contains(q.Get("$select"), "businessPhones") {
		t.Errorf("changes of what? %v", q)
	}
	changes, link, err = c.UserChanges(t.Context(), link)
	want := []graph.UserChange{{ID: "u1", Removed: true}, {ID: "u2"}, {ID: "u3"}}
	if diff := cmp.Diff(want, changes); err != nil || diff != "" || !strings.HasSuffix(link, "$deltatoken=b") {
		t.Errorf("%q, %v, %s", link, err, diff)
	}
	if n := len(g.seen()); n != 4 {
		t.Errorf("%d requests, want 4", n)
	}
}

// Both ways of saying that a link is too old have a class of their own, so that
// a caller knows without reading codes.
func TestExpiredLinks(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		code   string
		want   graph.Class
	}{
		"gone":      {http.StatusGone, "resyncRequired", graph.NotFound},
		"not found": {http.StatusBadRequest, "syncStateNotFound", graph.Invalid},
		"busy":      {http.StatusInternalServerError, "InternalServerError", graph.Transient},
	} {
		for _, location := range []string{"", "https://elsewhere.example/v1.0/users/delta"} {
			g := newGraph(t, func(w http.ResponseWriter, _ *http.Request) {
				if location != "" {
					w.Header().Set("Location", location)
				}
				w.WriteHeader(test.status)
				fmt.Fprintf(w, `{"error":{"code":%q,"message":"m"}}`, test.code)
			})
			_, link, err := g.client(t).UserChanges(t.Context(), g.URL+"/v1.0/users/delta?$deltatoken=old")
			if graph.Classify(err) != test.want || link != "" || len(g.seen()) != 1 {
				t.Errorf("%s: %v, link %q, %d requests", name, err, link, len(g.seen()))
			}
		}
	}
}

// An answer that is no list of changes must not pass for "nothing changed".
func TestChangesWithoutALink(t *testing.T) {
	for _, body := range []string{`{}`, `{"value":[]}`, `{"value":{}}`} {
		g := newGraph(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) })
		if _, _, err := g.client(t).UserChanges(t.Context(), ""); err == nil {
			t.Errorf("%s was taken for changes", body)
		}
	}
}
