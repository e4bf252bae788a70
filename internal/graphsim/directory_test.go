package graphsim_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"jtel.de/presencebridge/internal/graphsim"
)

// pages follows the links to the end. last is the last page.
func (b *bench) pages(token, path string, headers ...string) (all []map[string]any, last answer, pages int) {
	b.t.Helper()
	for next := path; next != ""; pages++ {
		last = b.graph(token, "GET", next, nil, headers...)
		if last.status != 200 {
			b.t.Fatalf("%s: %d %s", next, last.status, last.raw)
		}
		all = append(all, last.list()...)
		next, _ = last.body["@odata.nextLink"].(string)
	}
	return all, last, pages
}

func ids(list []map[string]any) map[string]bool {
	m := map[string]bool{}
	for _, o := range list {
		m[o["id"].(string)] = true
	}
	return m
}

func TestUserPages(t *testing.T) {
	b := start(t, graphsim.Options{People: 250})
	token := b.appToken()
	for _, c := range []struct {
		query string
		pages int
	}{{"", 3}, {"?$top=999", 1}, {"?$top=10", 26}, {"?$select=id,mail&$top=100", 3}} {
		all, _, pages := b.pages(token, "/users"+c.query)
		if len(ids(all)) != 252 || len(all) != 252 || pages != c.pages {
			t.Errorf("%s: %d users on %d pages", c.query, len(all), pages)
		}
	}
	b.SetFaults(graphsim.Faults{EmptyPages: 1})
	all, _, pages := b.pages(token, "/users")
	if len(ids(all)) != 252 || len(all) != 252 || pages != 6 {
		t.Errorf("empty pages: %d users on %d pages", len(all), pages)
	}
	b.SetFaults(graphsim.Faults{ExpirePages: 1})
	first := b.graph(token, "GET", "/users", nil)
	if a := b.graph(token, "GET", first.body["@odata.nextLink"].(string), nil); a.status != 400 || !strings.Contains(a.message(), "DirectoryPageTokenNotFoundException") {
		t.Errorf("expired page: %s", a.raw)
	}
	b.SetFaults(graphsim.Faults{ThrottlePages: 1})
	if a := b.graph(token, "GET", first.body["@odata.nextLink"].(string), nil); a.status != 429 || a.header.Get("Retry-After") != "1" {
		t.Errorf("throttled page: %s", a.raw)
	}
	b.SetFaults(graphsim.Faults{})
	if a := b.graph(token, "GET", first.body["@odata.nextLink"].(string)+"&$top=5", nil); a.status != 400 {
		t.Errorf("changed link: %s", a.raw)
	}
}

func TestUserQueries(t *testing.T) {
	b := start(t, graphsim.Options{})
	app := b.appToken()
	users := b.Tenant().Users
	esc := url.QueryEscape
	for _, c := range []struct {
		name, path string
		status     int
		found      int
		message    string
	}{
		{"by mail", "/users?$filter=" + esc("mail eq '"+strings.ToUpper(users[0].Mail)+"'"), 200, 1, ""},
		{"by mail or upn", "/users?$filter=" + esc("mail eq 'x@y' or userPrincipalName eq '"+users[1].UserPrincipalName+"'"), 200, 1, ""},
		{"by id in", "/users?$filter=" + esc("id in ('"+users[0].ID+"','"+users[1].ID+"')"), 200, 2, ""},
		{"enabled members", "/users?$filter=" + esc("accountEnabled eq true and userType eq 'Member'"), 200, 26, ""},
		{"no mail", "/users?$filter=" + esc("mail eq null"), 200, 5, ""},
		{"prefix", "/users?$filter=" + esc("startswith(userPrincipalName,'svc-')"), 200, 2, ""},
		{"quote", "/users?$filter=" + esc("mail eq 'o''hara@x'"), 200, 0, ""},
		{"top 1000", "/users?$top=1000", 400, 0, "Invalid page size specified: '1000'. Must be between 1 and 999 inclusive."},
		{"skip", "/users?$skip=10", 400, 0, "$skip"},
		{"unknown property", "/users?$select=id,shoeSize", 400, 0, "shoeSize"},
		{"bad filter", "/users?$filter=" + esc("mail is 'x'"), 400, 0, "filter"},
		{"injection", "/users?$filter=" + esc("mail eq 'x' or 'a' eq 'a'"), 400, 0, "filter"},
	} {
		a := b.graph(app, "GET", c.path, nil)
		if a.status != c.status || c.status == 200 && len(a.list()) != c.found || !strings.Contains(a.raw, c.message) {
			t.Errorf("%s: %d %s", c.name, a.status, a.raw)
		}
	}
	one := b.graph(app, "GET", "/users/"+users[0].UserPrincipalName+"?$select=id,accountEnabled,businessPhones,lastPasswordChangeDateTime,passwordPolicies", nil)
	if one.body["id"] != users[0].ID || one.body["accountEnabled"] != true || one.body["displayName"] != nil || one.body["lastPasswordChangeDateTime"] == nil {
		t.Errorf("one: %s", one.raw)
	}
	if a := b.graph(app, "GET", "/users/"+users[0].ID, nil); a.body["accountEnabled"] != nil || a.body["displayName"] != users[0].DisplayName {
		t.Errorf("default properties: %s", a.raw)
	}
	if a := b.graph(app, "GET", "/users/"+guids(1)[0], nil); a.status != 404 || a.code() != "Request_ResourceNotFound" {
		t.Errorf("unknown: %s", a.raw)
	}
}

func TestPermissions(t *testing.T) {
	b := start(t, graphsim.Options{})
	tenant := b.Tenant()
	user := tenant.Users[0].ID
	everywhere := []string{"/users", "/users/delta", "/users/" + user, "/groups", "/groups/" + tenant.Groups[0].ID + "/transitiveMembers", "/applications(appId='" + tenant.App.ID + "')", "/domains/" + tenant.Domain, "/users/" + user + "/presence"}
	b.SetApp(func(a *graphsim.App) { a.Roles = []string{} })
	for _, path := range everywhere {
		if a := b.graph(b.appToken(), "GET", path, nil); a.status != 403 || a.code() != "Authorization_RequestDenied" || a.message() != "Insufficient privileges to complete the operation." {
			t.Errorf("%s without rights: %d %s", path, a.status, a.raw)
		}
	}
	b.SetApp(func(a *graphsim.App) {
		a.Roles = graphsim.DefaultRoles
		a.Scopes = []string{"User.ReadBasic.All", "User.Read"}
	})
	for _, path := range everywhere {
		if a := b.graph(b.appToken(), "GET", path, nil); a.status != 200 {
			t.Errorf("%s: %d %s", path, a.status, a.raw)
		}
	}
	basic := b.access(with2(b.password(0), "scope", "https://graph.microsoft.com/.default"))
	if a := b.graph(basic, "GET", "/users/"+user, nil); a.status != 200 || len(a.body["businessPhones"].([]any)) != 0 || a.body["displayName"] == nil {
		t.Errorf("basic: %s", a.raw)
	}
	if a := b.graph(basic, "GET", "/me", nil); a.body["id"] != tenant.Accounts[0].ID {
		t.Errorf("me: %s", a.raw)
	}
	if a := b.graph(basic, "POST", "/subscriptions", b.rich()); a.status != 403 || a.code() != "ExtensionError" {
		t.Errorf("subscription without scope: %s", a.raw)
	}
	if a := b.graph(b.appToken(), "GET", "/nothing", nil); a.status != 400 || !strings.Contains(a.message(), "segment 'nothing'") {
		t.Errorf("nothing: %s", a.raw)
	}
	if a := b.graph(b.appToken(), "DELETE", "/users", nil); a.status != 405 {
		t.Errorf("method: %s", a.raw)
	}
}

func TestDelta(t *testing.T) {
	b := start(t, graphsim.Options{People: 150})
	token := b.appToken()
	all, last, _ := b.pages(token, "/users/delta?$select=id,mail")
	if len(ids(all)) != 152 {
		t.Errorf("%d users", len(all))
	}
	link := last.body["@odata.deltaLink"].(string)
	if again, last, _ := b.pages(token, link); len(again) != 0 || last.body["@odata.deltaLink"] == nil {
		t.Errorf("nothing changed, got %v", again)
	}
	gone, changed := b.Tenant().Users[0], b.Tenant().Users[1]
	b.RemoveUser(gone.ID)
	changed.Mail = "new@contoso.com"
	b.PutUser(changed)
	fresh := b.PutUser(graphsim.User{UserPrincipalName: "new@contoso.com"})
	got, _, _ := b.pages(token, link)
	if len(got) != 3 {
		t.Fatalf("%v", got)
	}
	for _, o := range got {
		switch o["id"] {
		case gone.ID:
			if o["@removed"] == nil {
				t.Errorf("removed: %v", o)
			}
		case changed.ID:
			if o["mail"] != "new@contoso.com" || o["displayName"] != nil {
				t.Errorf("changed: %v", o)
			}
		case fresh:
		default:
			t.Errorf("stranger %v", o)
		}
	}
	b.SetFaults(graphsim.Faults{ExpireDelta: true})
	if a := b.graph(token, "GET", link, nil); a.status != 410 || a.header.Get("Location") == "" {
		t.Errorf("expired: %d %s", a.status, a.raw)
	}
	b.SetFaults(graphsim.Faults{SyncStateNotFound: true})
	if a := b.graph(token, "GET", link, nil); a.status != 400 || a.code() != "syncStateNotFound" {
		t.Errorf("expired: %d %s", a.status, a.raw)
	}
}

func TestGroups(t *testing.T) {
	b := start(t, graphsim.Options{People: 150})
	token := b.appToken()
	centre := b.Tenant().Groups[0]
	found := b.graph(token, "GET", "/groups?$filter="+url.QueryEscape("displayName eq 'Contact Centre'"), nil)
	if l := found.list(); len(l) != 1 || l[0]["id"] != centre.ID {
		t.Fatal(found.raw)
	}
	if a := b.graph(token, "GET", "/groups/"+centre.ID, nil); a.body["displayName"] != "Contact Centre" {
		t.Error(a.raw)
	}
	if a := b.graph(token, "GET", "/groups/"+guids(1)[0], nil); a.status != 404 {
		t.Error(a.raw)
	}
	path := "/groups/" + centre.ID + "/transitiveMembers"
	all, _, _ := b.pages(token, path)
	if len(all) != 152 { // 150 people and two groups, nobody twice
		t.Errorf("%d members", len(all))
	}
	cast := path + "/microsoft.graph.user?$count=true&$select=id"
	users, _, pages := b.pages(token, cast, "ConsistencyLevel", "eventual")
	if len(ids(users)) != 150 || pages != 2 {
		t.Errorf("%d users on %d pages", len(users), pages)
	}
	for _, a := range []answer{
		b.graph(token, "GET", cast, nil),
		b.graph(token, "GET", path+"/microsoft.graph.user", nil, "ConsistencyLevel", "eventual"),
		b.graph(token, "GET", b.graph(token, "GET", cast, nil, "ConsistencyLevel", "eventual").body["@odata.nextLink"].(string), nil),
	} {
		if a.status != 400 || a.code() != "Request_UnsupportedQuery" {
			t.Errorf("%d %s", a.status, a.raw)
		}
	}
	b.PutGroup(graphsim.Group{ID: centre.ID, DisplayName: "Circle", Members: []string{centre.ID, b.Tenant().Users[3].ID}})
	if all, _, _ := b.pages(token, path); len(all) != 1 {
		t.Errorf("circle: %v", all)
	}
	b.SetApp(func(a *graphsim.App) { a.Roles = []string{"GroupMember.Read.All"} })
	if all, _, _ := b.pages(b.appToken(), path); len(all[0]) != 2 {
		t.Errorf("without rights on users: %v", all)
	}
}

func TestRegistration(t *testing.T) {
	b := start(t, graphsim.Options{})
	tenant, token := b.Tenant(), b.appToken()
	a := b.graph(token, "GET", "/applications(appId='"+tenant.App.ID+"')?$select=id,appId,displayName,passwordCredentials", nil)
	password := a.body["passwordCredentials"].([]any)[0].(map[string]any)
	if a.body["keyCredentials"] != nil || password["hint"] != tenant.App.Secret[:3] || password["secretText"] != nil || password["endDateTime"] == nil {
		t.Error(a.raw)
	}
	if a := b.graph(token, "GET", "/servicePrincipals(appId='"+tenant.App.ID+"')?$select=appRoleAssignmentRequired", nil); a.body["appRoleAssignmentRequired"] != false {
		t.Error(a.raw)
	}
	if a := b.graph(token, "GET", "/domains/"+tenant.Domain, nil); a.body["passwordValidityPeriodInDays"] != 90.0 {
		t.Error(a.raw)
	}
	if a := b.graph(token, "GET", "/applications(appId='"+guids(1)[0]+"')", nil); a.status != 404 {
		t.Error(a.raw)
	}
}

func TestPresenceReads(t *testing.T) {
	b := start(t, graphsim.Options{})
	token := b.appToken()
	tenant := b.Tenant()
	one, service := tenant.Users[0].ID, tenant.Accounts[0].ID
	bulk := func(ids ...string) answer {
		return b.graph(token, "POST", "/communications/getPresencesByUserId", map[string]any{"ids": ids})
	}
	before := bulk(one).list()[0]["sequenceNumber"].(string)
	b.SetPresence(one, "Offline", "OutOfOffice")
	a := bulk(one, service, guids(1)[0])
	l := a.list()
	if len(l) != 2 || l[0]["activity"] != "OutOfOffice" || l[0]["outOfOfficeSettings"].(map[string]any)["isOutOfOffice"] != true || l[1]["availability"] != "PresenceUnknown" || l[0]["sequenceNumber"].(string) <= before {
		t.Error(a.raw)
	}
	b.SetFaults(graphsim.Faults{UnknownPeople: true, NoSequence: true, CamelCase: true})
	a = bulk(one, guids(1)[0])
	if l := a.list(); len(l) != 2 || l[0]["activity"] != "outOfOffice" || l[0]["sequenceNumber"] != nil || l[1]["availability"] != "presenceUnknown" {
		t.Error(a.raw)
	}
	if a := bulk(guids(651)...); a.status != 400 {
		t.Errorf("651: %d", a.status)
	}
	if a := bulk(guids(650)...); a.status != 200 {
		t.Errorf("650: %d", a.status)
	}
	if a := bulk("x"); a.status != 400 {
		t.Error(a.raw)
	}
	for _, path := range []string{"/users/" + one + "/presence", "/communications/presences/" + one, "/communications/presences('" + one + "')"} {
		if a := b.graph(token, "GET", path, nil); a.body["id"] != one {
			t.Errorf("%s: %s", path, a.raw)
		}
	}
	if a := b.graph(token, "GET", "/users/"+tenant.Users[0].UserPrincipalName+"/presence", nil); a.status != 400 {
		t.Error(a.raw)
	}
	if a := b.graph(b.userToken(0), "GET", "/me/presence", nil); a.body["id"] != service {
		t.Error(a.raw)
	}
}

func TestBatch(t *testing.T) {
	b := start(t, graphsim.Options{})
	token := b.appToken()
	one := b.Tenant().Users[0].ID
	part := func(id, method, url string, more ...any) map[string]any {
		return with(map[string]any{"id": id, "method": method, "url": url}, more...)
	}
	a := b.graph(token, "POST", "/$batch", map[string]any{"requests": []any{
		part("1", "GET", "/users/"+one),
		part("2", "POST", "/communications/getPresencesByUserId", "headers", map[string]string{"Content-Type": "application/json"}, "body", map[string]any{"ids": []string{one}}),
		part("3", "GET", "/users/nobody"),
		part("4", "GET", "/users", "dependsOn", []string{"3"}),
		part("5", "POST", "/communications/getPresencesByUserId", "body", map[string]any{"ids": []string{one}}),
	}})
	status := map[string]float64{}
	for _, v := range a.body["responses"].([]any) {
		r := v.(map[string]any)
		status[r["id"].(string)] = r["status"].(float64)
		if r["id"] == "1" && r["body"].(map[string]any)["id"] != one {
			t.Error(r)
		}
	}
	want := map[string]float64{"1": 200, "2": 200, "3": 404, "4": 424, "5": 415}
	if got, want := must(json.Marshal(status)), must(json.Marshal(want)); string(got) != string(want) {
		t.Errorf("%s, want %s", got, want)
	}
	var many []any
	for _, id := range guids(21) {
		many = append(many, part(id, "GET", "/users"))
	}
	for name, requests := range map[string][]any{"21": many, "twice the same id": {part("1", "GET", "/users"), part("1", "GET", "/users")}, "absolute": {part("1", "GET", "https://x/users")}} {
		if a := b.graph(token, "POST", "/$batch", map[string]any{"requests": requests}); a.status != 400 {
			t.Errorf("%s: %d", name, a.status)
		}
	}
}
