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

const anna = `{"id":"B36A4DF4-9d72-4b1e-a7f6-97c6e9a6f0a1","displayName":"Anna Agent","mail":"anna@contoso.example",
  "userPrincipalName":"anna.agent@contoso.example","businessPhones":["+49 89 123456"],"mobilePhone":"0171 1234567",
  "usageLocation":"DE","accountEnabled":true,"userType":"Member","@odata.type":"#microsoft.graph.user"}`

func annaUser() graph.User {
	return graph.User{
		ID: "b36a4df4-9d72-4b1e-a7f6-97c6e9a6f0a1", DisplayName: "Anna Agent", Mail: "anna@contoso.example",
		UserPrincipalName: "anna.agent@contoso.example", BusinessPhones: []string{"+49 89 123456"}, MobilePhone: "0171 1234567",
		UsageLocation: "DE", AccountEnabled: pointer(true), UserType: "Member",
	}
}

// pages serves three pages at path: a user, nobody, and one with only an id.
func pages(t *testing.T, path string) *fakeGraph {
	var g *fakeGraph
	g = newGraph(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != path {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		switch r.URL.Query().Get("$skiptoken") {
		case "":
			fmt.Fprintf(w, `{"@odata.context":"c","value":[%s],"@odata.nextLink":"%s%s?$count=true&$skiptoken=RFNw%%2B1"}`, anna, g.URL, path)
		case "RFNw+1":
			fmt.Fprintf(w, `{"value":[],"@odata.nextLink":"%s%s?$count=true&$skiptoken=2"}`, g.URL, path)
		default:
			io.WriteString(w, `{"value":[{"@odata.type":"#microsoft.graph.user","id":"u2","mail":null,"businessPhones":null,"accountEnabled":null},{}]}`)
		}
	})
	return g
}

func TestUsersFollowsEveryPage(t *testing.T) {
	g := pages(t, "/v1.0/users")
	var got []graph.User
	for u, err := range g.client(t).Users(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, u)
	}
	if diff := cmp.Diff([]graph.User{annaUser(), {ID: "u2"}}, got); diff != "" {
		t.Error(diff)
	}
	r := g.seen()
	if q := r[0].URL.Query(); len(r) != 3 || q.Get("$top") != "999" ||
		q.Get("$select") != "id,displayName,mail,userPrincipalName,businessPhones,mobilePhone,usageLocation,accountEnabled,userType" {
		t.Errorf("%d requests, first %s", len(r), r[0].URL)
	}
	if r[1].URL.RawQuery != "$count=true&$skiptoken=RFNw%2B1" {
		t.Errorf("the link was changed: %s", r[1].URL)
	}
}

func TestUsersStopsWithItsConsumer(t *testing.T) {
	g := pages(t, "/v1.0/users")
	for range g.client(t).Users(t.Context()) {
		break
	}
	if n := len(g.seen()); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestUsersEndsWithAnError(t *testing.T) {
	var g *fakeGraph
	failures := map[string]func(http.ResponseWriter){
		"throttled": func(w http.ResponseWriter) { w.Header().Set("Retry-After", "60"); w.WriteHeader(429) },
		"token": func(w http.ResponseWriter) {
			w.WriteHeader(400)
			io.WriteString(w, `{"error":{"code":"DirectoryPageTokenNotFoundException","message":"m"}}`)
		},
		"broken": func(w http.ResponseWriter) { io.WriteString(w, `{"value":[{"id":7}]}`) },
		"circle": func(w http.ResponseWriter) {
			fmt.Fprintf(w, `{"value":[],"@odata.nextLink":"%s/v1.0/users?$skiptoken=x"}`, g.URL)
		},
	}
	for name, fail := range failures {
		g = newGraph(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("$skiptoken") == "" {
				fmt.Fprintf(w, `{"value":[%s],"@odata.nextLink":"%s/v1.0/users?$skiptoken=x"}`, anna, g.URL)
				return
			}
			fail(w)
		})
		var last error
		given := 0
		for _, err := range g.client(t).Users(t.Context()) {
			given++
			last = err
		}
		if last == nil || given != 2 || !strings.HasPrefix(last.Error(), "list users: ") {
			t.Errorf("%s: error %v after %d", name, last, given)
		}
	}
}

func TestGroupMembers(t *testing.T) {
	const id = "02bd9fd6-8f93-4758-87c3-1fb73740a315"
	g := pages(t, "/v1.0/groups/"+id+"/transitiveMembers/microsoft.graph.user")
	var got []string
	for u, err := range g.client(t).GroupMembers(t.Context(), id) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, u.ID)
	}
	if diff := cmp.Diff([]string{annaUser().ID, "u2"}, got); diff != "" {
		t.Error(diff)
	}
	for _, r := range g.seen() {
		if r.Header.Get("ConsistencyLevel") != "eventual" || r.URL.Query().Get("$count") != "true" {
			t.Errorf("%s %v", r.URL, r.Header)
		}
	}
}

// directory serves users by path and lists by filter.
func directory(t *testing.T, byPath, byFilter map[string]string) *fakeGraph {
	return newGraph(t, func(w http.ResponseWriter, r *http.Request) {
		if f := r.URL.Query().Get("$filter"); f != "" {
			io.WriteString(w, `{"value":[`+byFilter[f]+`]}`)
		} else if body, ok := byPath[r.URL.EscapedPath()]; ok {
			io.WriteString(w, body)
		} else {
			w.WriteHeader(404)
			io.WriteString(w, `{"error":{"code":"Request_ResourceNotFound","message":"Resource does not exist"}}`)
		}
	})
}

func TestUser(t *testing.T) {
	g := directory(t, map[string]string{
		"/v1.0/users/b36a4df4-9d72-4b1e-a7f6-97c6e9a6f0a1":               anna,
		"/v1.0/users/anna.agent%40contoso.example":                       anna,
		"/v1.0/users/guest_partner.example%23EXT%23%40contoso.example":   `{"id":"guest"}`,
		"/v1.0/users/%2F..%2Fgroups%3Fa%3Db%26%24top%3D1%40contoso.test": `{"id":"odd"}`,
		"/v1.0/users/nothing": `{}`,
	}, map[string]string{
		"mail eq 'anna@contoso.example'":    anna,
		"mail eq 'o''neil@contoso.example'": `{"id":"ONEIL"}`,
		"mail eq 'desk@contoso.example'":    `{"id":"1"},{"id":"2"}`,
	})
	c := g.client(t)
	for key, want := range map[string]string{
		"b36a4df4-9d72-4b1e-a7f6-97c6e9a6f0a1":       annaUser().ID,
		"anna.agent@contoso.example":                 annaUser().ID,
		"anna@contoso.example":                       annaUser().ID,
		"o'neil@contoso.example":                     "oneil",
		"guest_partner.example#EXT#@contoso.example": "guest",
		"/../groups?a=b&$top=1@contoso.test":         "odd",
	} {
		if got, err := c.User(t.Context(), key); err != nil || got.ID != want {
			t.Errorf("%s: %+v, %v", key, got, err)
		}
	}
	if got, _ := c.User(t.Context(), annaUser().ID); cmp.Diff(annaUser(), got) != "" {
		t.Error(cmp.Diff(annaUser(), got))
	}
	for key, want := range map[string]graph.Class{
		"":                                     graph.NotFound,
		"nobody@contoso.example":               graph.NotFound,
		"11111111-9d72-4b1e-a7f6-97c6e9a6f0a1": graph.NotFound,
		"desk@contoso.example":                 graph.Invalid,
		"nothing":                              graph.Transient,
	} {
		if _, err := c.User(t.Context(), key); err == nil || graph.Classify(err) != want {
			t.Errorf("%s: %v", key, err)
		}
	}
	if _, err := c.User(t.Context(), "desk@contoso.example"); !strings.Contains(err.Error(), "several users") {
		t.Error(err)
	}
}

func TestGroup(t *testing.T) {
	const id = "02BD9FD6-8f93-4758-87c3-1fb73740a315"
	g := directory(t,
		map[string]string{"/v1.0/groups/" + id: `{"id":"` + id + `","displayName":"Agents"}`},
		map[string]string{
			"displayName eq 'Agents & Co'": `{"id":"` + id + `","displayName":"Agents & Co"}`,
			"displayName eq 'O''Neil''s'":  `{"id":"g2","displayName":"O'Neil's"}`,
			"displayName eq 'Double'":      `{"id":"1"},{"id":"2"}`,
		})
	c := g.client(t)
	for key, want := range map[string]graph.Group{
		id:            {ID: strings.ToLower(id), DisplayName: "Agents"},
		"Agents & Co": {ID: strings.ToLower(id), DisplayName: "Agents & Co"},
		"O'Neil's":    {ID: "g2", DisplayName: "O'Neil's"},
	} {
		if got, err := c.Group(t.Context(), key); err != nil || got != want {
			t.Errorf("%s: %+v, %v", key, got, err)
		}
	}
	for key, want := range map[string]graph.Class{
		"Nothing": graph.NotFound, "11111111-9d72-4b1e-a7f6-97c6e9a6f0a1": graph.NotFound, "Double": graph.Invalid,
	} {
		if _, err := c.Group(t.Context(), key); graph.Classify(err) != want {
			t.Errorf("%s: %v", key, err)
		}
	}
}
