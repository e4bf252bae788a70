package check_test

import (
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"jtel.de/presencebridge/internal/app"
	"jtel.de/presencebridge/internal/check"
	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/graph/signin"
	"jtel.de/presencebridge/internal/graphsim"
)

func TestEverythingWorks(t *testing.T) {
	s := newSite(t)
	steps := 0
	for _, l := range check.Languages() {
		found := s.check(l)
		for _, state := range []check.State{check.Failed, check.Warning, check.Unknown, check.Skipped} {
			if steps := found.in(state); len(steps) > 0 {
				t.Errorf("%s: %s", state, found)
			}
		}
		if steps = max(steps, len(found)); len(found) != steps || steps < 30 {
			t.Errorf("%d steps in %s", len(found), l)
		}
	}
	for _, line := range s.History() {
		if line.Breach != "" {
			t.Errorf("%s %s: %s", line.Method, line.Path, line.Breach)
		}
	}
}

// want is one finding that a case must bring.
type want struct {
	step    string
	state   check.State
	code    string
	meaning string // a part of it
	anchor  string
}

// cases are what can be wrong, and what is said about it.
var cases = []struct {
	name   string
	change func(*site)
	wants  []want
	// others are the failed steps that follow from it, in their order.
	others []string
}{
	{"wrong tenant", func(s *site) { s.tenant["tenant_id"] = "11111111-2222-3333-4444-555555555555" }, []want{
		{"tenant.exists", check.Failed, "AADSTS90002", "tenant was not found", "app-registration"},
		{"app.sign-in", check.Skipped, "", "not tried, because this did not work: the tenant", "client-secret"},
		{"user.sign-in", check.Skipped, "", "not tried", "service-users"},
		{"user.subscription", check.Skipped, "", "not tried", "public-endpoint"},
	}, nil},
	{"wrong client id", func(s *site) { s.tenant["client_id"] = "11111111-2222-3333-4444-555555555555" }, []want{
		{"app.sign-in", check.Failed, "AADSTS700016", "app was not found", "app-registration"},
		{"app.permission.User.Read.All", check.Skipped, "", "not tried", "permissions"},
	}, []string{"user.sign-in"}},
	{"wrong secret", func(s *site) { s.files["client-secret"] = []byte("not~the~value") }, []want{
		{"app.sign-in", check.Failed, "AADSTS7000215", "secret is wrong", "client-secret"},
		{"user.sign-in", check.Failed, "AADSTS7000215", "secret is wrong", "client-secret"},
	}, nil},
	{"expired secret", func(s *site) { s.SetApp(func(a *graphsim.App) { a.SecretExpired = true }) }, []want{
		{"app.sign-in", check.Failed, "AADSTS7000222", "secret has expired", "client-secret"},
	}, []string{"user.sign-in"}},
	{"disabled app", func(s *site) { s.SetApp(func(a *graphsim.App) { a.Disabled = true }) }, []want{
		{"app.sign-in", check.Failed, "AADSTS7000112", "app is disabled", "app-registration"},
	}, []string{"user.sign-in"}},
	{"no consent to a delegated permission", func(s *site) { s.SetApp(func(a *graphsim.App) { a.Scopes = []string{} }) }, []want{
		{"user.sign-in", check.Failed, "AADSTS65001", "not consented", "admin-consent"},
		{"user.permission.Presence.Read.All", check.Skipped, "", "not tried", "permissions"},
	}, nil},
	{"delegated permission missing", func(s *site) { s.SetApp(func(a *graphsim.App) { a.Scopes = []string{"User.Read"} }) }, []want{
		{"user.permission.Presence.Read.All", check.Failed, "", "delegated permission Presence.Read.All is missing", "permissions"},
		{"user.presence", check.Skipped, "", "not tried", "permissions"},
		{"user.subscription", check.Skipped, "", "not tried", "public-endpoint"},
	}, nil},
	{"application permission for presence missing", func(s *site) {
		s.SetApp(func(a *graphsim.App) { a.Roles = []string{"User.Read.All", "GroupMember.Read.All"} })
	}, []want{
		{"app.permission.Presence.Read.All", check.Failed, "", "application permission Presence.Read.All is missing", "permissions"},
		{"app.permission.User.Read.All", check.OK, "", "", "permissions"},
		{"app.permission.Application.Read.All", check.Unknown, "", "optional", "permissions"},
		{"app.permission.Domain.Read.All", check.Unknown, "", "optional", "permissions"},
		{"app.assignment", check.Unknown, "403", "unknown, permission missing: Application.Read.All", "assignment-required"},
		{"people.presence", check.Skipped, "", "not tried", "permissions"},
		{"user.subscription", check.OK, "", "", "public-endpoint"},
	}, nil},
	{"no right to read groups", func(s *site) {
		s.SetApp(func(a *graphsim.App) { a.Roles = []string{"User.Read.All", "Presence.Read.All"} })
	}, []want{
		{"app.permission.GroupMember.Read.All", check.Failed, "", "GroupMember.Read.All is missing", "permissions"},
		{"people.found", check.Skipped, "", "not tried", "people"},
		{"user.presence", check.OK, "", "", "permissions"},
		{"user.subscription", check.Skipped, "", "nobody to watch is known", "public-endpoint"},
	}, nil},
	{"stronger permissions than needed", func(s *site) {
		s.SetApp(func(a *graphsim.App) { a.Roles = append(a.Roles, "Directory.ReadWrite.All", "Mail.Read") })
	}, []want{
		{"app.least", check.Warning, "", "Directory.ReadWrite.All, Mail.Read", "permissions"},
	}, nil},
	{"secret ends soon", func(s *site) {
		s.SetApp(func(a *graphsim.App) { a.SecretExpires = time.Now().Add(12*24*time.Hour + time.Hour) })
	}, []want{{"ends.client_secret", check.Warning, "", "in 12 days", "client-secret"}}, nil},
	{"secret should have ended", func(s *site) {
		s.SetApp(func(a *graphsim.App) { a.SecretExpires = time.Now().Add(-time.Hour) })
	}, []want{{"ends.client_secret", check.Warning, "", "although it still works", "client-secret"}}, nil},
	{"nobody may tell when the secret ends", func(s *site) {
		s.SetApp(func(a *graphsim.App) {
			a.Roles = []string{"User.Read.All", "GroupMember.Read.All", "Presence.Read.All"}
		})
		s.SetAccount(s.Tenant().Accounts[0].Username, func(a *graphsim.Account) { a.PasswordPolicies = "" })
	}, []want{
		{"ends.client_secret", check.Unknown, "", "unknown, permission missing: Application.Read.All", "client-secret"},
		{"ends.password", check.Unknown, "", "unknown, permission missing: Domain.Read.All", "service-users"},
	}, nil},
	{"password ends soon", func(s *site) {
		s.SetAccount(s.Tenant().Accounts[0].Username, func(a *graphsim.Account) {
			a.PasswordPolicies, a.PasswordChanged = "", time.Now().Add(-87*24*time.Hour)
		})
	}, []want{{"ends.password", check.Warning, "", "in 2 days", "service-users"}}, nil},
	{"certificate of the app ends soon", func(s *site) {
		s.proveByCertificate(time.Now().Add(2*24*time.Hour + time.Hour))
	}, []want{
		{"app.sign-in", check.OK, "", "", "certificate"},
		{"ends.client_certificate", check.Warning, "", "in 2 days", "certificate"},
	}, nil},
	{"certificate not registered", func(s *site) {
		s.proveByCertificate(time.Now().Add(90 * 24 * time.Hour))
		s.SetApp(func(a *graphsim.App) { a.Certificate = nil })
	}, []want{{"app.sign-in", check.Failed, "AADSTS700027", "not one of the app's", "certificate"}}, []string{"user.sign-in"}},
	{"assignment required", func(s *site) { s.SetApp(func(a *graphsim.App) { a.AssignmentRequired = true }) }, []want{
		{"app.assignment", check.Failed, "", "without tokens (null)", "assignment-required"},
	}, nil},
	{"assignment required, and made", func(s *site) {
		s.SetApp(func(a *graphsim.App) {
			a.AssignmentRequired, a.Assigned = true, []string{"Somebody", "Microsoft Graph Change Tracking"}
		})
	}, []want{{"app.assignment", check.OK, "", "", "assignment-required"}}, nil},
	{"administrator as service user", func(s *site) {
		s.SetAccount(s.Tenant().Accounts[0].Username, func(a *graphsim.Account) { a.DirectoryRoles = []string{"158c047a-c907-4556-b7ef-446551a6b5f7"} })
	}, []want{{"user.least", check.Warning, "", "directory role", "service-users"}}, nil},
	{"federated service user", func(s *site) {
		s.tenant["accounts"] = "[{username: svc@elsewhere.example, password_file: password}]"
	}, []want{{"user.sign-in", check.Failed, "", "domain of the user name", "service-users"}}, nil},
	{"people missing and several", func(s *site) {
		id := s.PutUser(graphsim.User{UserPrincipalName: "twin1@contoso.com", Mail: "twin@contoso.com", DisplayName: "Twin One"})
		s.PutUser(graphsim.User{UserPrincipalName: "twin2@contoso.com", Mail: "twin@contoso.com", DisplayName: "Twin Two"})
		s.tenant["people"] = "{groups: [Nowhere], users: [nobody@contoso.com, twin@contoso.com, " + id + "]}"
	}, []want{
		{"people.found", check.Failed, "", "1 people are found, but these entries mean nobody or several: Nowhere; nobody@contoso.com; twin@contoso.com: several", "people"},
	}, nil},
	{"an exclusion of nobody", func(s *site) {
		s.tenant["people"] = "{groups: [Contact Centre], exclude: [left@contoso.com]}"
	}, []want{
		{"people.found", check.Warning, "", "keep nobody out: left@contoso.com", "people"},
		{"people.presence", check.OK, "", "", "permissions"},
	}, nil},
	{"nobody in the group", func(s *site) {
		s.PutGroup(graphsim.Group{DisplayName: "Empty"})
		s.tenant["people"] = "{groups: [Empty]}"
	}, []want{{"people.found", check.Failed, "", "no members", "people"}}, nil},
	{"people who are confused", func(s *site) {
		s.PutUser(graphsim.User{UserPrincipalName: "a@contoso.com", Mail: "a@contoso.com", BusinessPhones: []string{"+49 30 23125 111"}})
		s.PutUser(graphsim.User{UserPrincipalName: "b@contoso.com", Mail: "b@contoso.com", BusinessPhones: []string{"+493023125111"}})
		s.tenant["people"] = "{users: [a@contoso.com, b@contoso.com]}"
	}, []want{{"people.identities", check.Warning, "", "+493023125111", "people"}}, nil},
	{"people without Teams", func(s *site) {
		s.PutUser(graphsim.User{UserPrincipalName: "deskless@contoso.com", Mail: "deskless@contoso.com", NoTeams: true})
		s.tenant["people"] = "{groups: [Contact Centre], users: [deskless@contoso.com]}"
	}, []want{{"people.licences", check.Warning, "", "1 of 7 people have no presence (PresenceUnknown): deskless@contoso.com", "licences"}}, nil},
	{"presence unreadable", func(s *site) {
		s.SetFaults(graphsim.Faults{Refuse: []graphsim.Refusal{{Path: "/communications/getPresencesByUserId", Status: 403, Code: "Forbidden"}}})
	}, []want{
		{"people.presence", check.Failed, "403", "app may not read presence", "permissions"},
		{"user.presence", check.Failed, "403", "service user may not read presence", "permissions"},
		{"user.subscription", check.OK, "", "", "public-endpoint"},
	}, nil},
	{"Graph is busy", func(s *site) {
		s.SetFaults(graphsim.Faults{Refuse: []graphsim.Refusal{{Path: "/servicePrincipals", Status: 500}}})
	}, []want{{"app.assignment", check.Unknown, "500", "busy or away", "assignment-required"}}, nil},
	{"Graph is busy where it must answer", func(s *site) {
		s.SetFaults(graphsim.Faults{Refuse: []graphsim.Refusal{{Path: "/groups", Status: 500}}})
	}, []want{
		{"people.found", check.Failed, "500", "busy or away", "people"},
		{"people.presence", check.Skipped, "", "not tried", "permissions"},
	}, nil},
	{"the embedded server for everybody", func(s *site) {
		_, port, err := net.SplitHostPort(s.nats)
		if err != nil {
			s.t.Fatal(err)
		}
		s.file["nats"] = fmt.Sprintf("{embedded: {listen: \":%s\"}}", port)
	}, []want{{"nats.embedded", check.Warning, "", "knows no users", "machine"}}, nil},
	{"clock a little off", func(s *site) { s.SetFaults(graphsim.Faults{ClockAhead: 3 * time.Minute}) }, []want{
		{"network.clock", check.Warning, "", "off by", "machine"},
	}, nil},
	{"clock wrong", func(s *site) { s.SetFaults(graphsim.Faults{ClockAhead: -time.Hour}) }, []want{
		{"network.clock", check.Failed, "", "off by", "machine"},
	}, nil},
	{"Microsoft not trusted", func(s *site) { s.files["roots.pem"] = s.ca.pem() }, []want{
		{"network.authority", check.Failed, "", "not trusted here", "firewall"},
		{"network.graph", check.Failed, "", "not trusted here", "firewall"},
		{"network.clock", check.Unknown, "", "nobody told the time", "machine"},
		{"tenant.exists", check.Failed, "", "not trusted here", "firewall"},
	}, nil},
	{"Microsoft not reached", func(s *site) {
		s.file["graph"] = fmt.Sprintf("{base_url: %q, authority: %q, ca_file: roots.pem}", "https://"+free(s.t)+"/v1.0", "https://"+free(s.t))
	}, []want{
		{"network.authority", check.Failed, "", "cannot be reached", "firewall"},
		{"network.graph", check.Failed, "", "cannot be reached", "firewall"},
	}, []string{"tenant.exists"}},
	{"name unknown", func(s *site) {
		s.file["graph"] = fmt.Sprintf("{base_url: %q, authority: %q, ca_file: roots.pem}", s.GraphURL(), "https://login..example")
	}, []want{{"network.authority", check.Failed, "", "cannot be resolved", "firewall"}}, []string{"tenant.exists"}},
	{"secrets readable", func(s *site) { s.modes["password"] = 0o644 }, []want{
		{"files.secrets", check.Warning, "", "password (0644)", "machine"},
	}, nil},
	{"secrets writable", func(s *site) { s.modes["client-secret"], s.modes["password"] = 0o666, 0o644 }, []want{
		{"files.secrets", check.Failed, "", "client-secret (0666)", "machine"},
	}, nil},
	{"secret inside a readable configuration", func(s *site) {
		delete(s.tenant, "client_secret_file")
		s.tenant["client_secret"] = `"` + s.Tenant().App.Secret + `"`
		s.modes["presencebridge.yaml"] = 0o644
	}, []want{{"files.secrets", check.Warning, "", "presencebridge.yaml (0644)", "machine"}}, nil},
	{"no directory for data", func(s *site) { s.files["data"] = []byte("a file") }, []want{
		{"files.data", check.Failed, "", "is a file", "machine"},
	}, nil},
	{"data below a file", func(s *site) { s.file["data_dir"] = "callback.pem/data" }, []want{
		{"files.data", check.Failed, "", "may not write", "machine"},
	}, nil},
	{"polling needs no public address", func(s *site) {
		s.tenant["mode"] = "poll"
		delete(s.file, "public_url")
		delete(s.file, "tls")
	}, []want{{"people.presence", check.OK, "", "", "permissions"}}, nil},
}

func TestCases(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			c.change(s)
			judge(t, s.check(check.English), c.wants, c.others)
		})
	}
}

// judge compares findings with what they shall be: nothing else may fail.
func judge(t *testing.T, found findings, wants []want, others []string) {
	t.Helper()
	for _, w := range wants {
		f := found.step(t, w.step)
		if f.State != w.state || f.Code != w.code || !strings.Contains(f.Meaning, w.meaning) || !strings.HasSuffix(f.Guide.Link, "docs/setup.en.md#"+w.anchor) {
			t.Errorf("want %+v\ngot %+v", w, f)
		}
		if (f.State == check.Failed || f.State == check.Warning) && (f.Advice == "" || f.Guide.Heading == "") {
			t.Errorf("nothing is said about what to do: %+v", f)
		}
		if w.state == check.Failed {
			others = append(others, w.step)
		}
	}
	for _, step := range found.in(check.Failed) {
		if !slices.Contains(others, step) {
			t.Errorf("%s failed as well", step)
		}
	}
	if t.Failed() {
		t.Log(found)
	}
}

// More people than the service users carry are not silently left to polling.
func TestTooManyPeople(t *testing.T) {
	s := newSiteOf(t, graphsim.Options{People: 700})
	f := s.check(check.English).step(t, "people.carried")
	if f.State != check.Warning || !strings.HasPrefix(f.Meaning, "700 people, but 1 service users carry 650 at most") || !strings.HasPrefix(f.Advice, "name 2 service users") {
		t.Errorf("%+v", f)
	}
}

// A service user that signs in by device code: before anybody did, after that,
// and once its sessions were ended. The command that helps is always named.
func TestDeviceCode(t *testing.T) {
	s := newSiteOf(t, graphsim.Options{People: 6, Speed: 10}) // polls come ten times as fast
	name := s.Tenant().Accounts[0].Username
	s.tenant["accounts"] = fmt.Sprintf("[{username: %s, sign_in: device_code}]", name)
	s.SetAccount(name, func(a *graphsim.Account) { a.MFA, a.Password = true, "" })
	command := "presencebridge login --config " + s.dir
	found := s.check(check.English)
	if f := found.step(t, "user.sign-in"); f.State != check.Failed || f.Meaning != "nobody has signed this service user in yet" || !strings.Contains(f.Advice, command) {
		t.Errorf("%+v", f)
	}
	if f := found.step(t, "user.subscription"); f.State != check.Skipped {
		t.Errorf("%+v", f)
	}
	err := app.Login(t.Context(), s.load(), app.DeviceUser{Tenant: "contoso", Username: name}, slog.New(slog.DiscardHandler), func(p app.Prompt) {
		s.ApproveDevice(p.Code, name)
	})
	if err != nil {
		t.Fatal(err)
	}
	judge(t, s.check(check.English), []want{
		{"user.sign-in", check.OK, "", "", "service-users"}, {"ends.refresh_token", check.OK, "", "", "afterwards"}, {"user.subscription", check.OK, "", "", "public-endpoint"},
	}, nil)
	s.Revoke(name)
	for _, l := range check.Languages() {
		if f := s.check(l).step(t, "user.sign-in"); f.State != check.Failed || f.Code != "AADSTS50173" || !strings.Contains(f.Advice, command) {
			t.Errorf("%+v", f)
		}
	}
}

// Every mistake of a configuration leads to its part of the guide, and none of
// them repeats a secret. The ID of a secret instead of its value is one.
func TestMistakes(t *testing.T) {
	s := newSite(t)
	secretID := "0e1d2c3b-4a59-4687-9f0e-1d2c3b4a5968"
	s.files["client-secret"] = []byte(secretID)
	s.file["public_url"] = "http://presence.example.com"
	path := s.write()
	_, err := config.Load(path, nil)
	if err == nil {
		t.Fatal("the configuration is taken")
	}
	for _, l := range check.Languages() {
		links := map[string]string{}
		for _, f := range check.Mistakes(l, path, err) {
			key, _, _ := strings.Cut(f.Title, " ")
			links[key] = f.Guide.Link
			if f.State != check.Failed || f.Said == "" || f.Advice == "" || strings.Contains(fmt.Sprint(f), secretID) {
				t.Errorf("%+v", f)
			}
		}
		want := map[string]string{
			"tenants[0].client_secret_file": "docs/setup." + string(l) + ".md#client-secret",
			"public_url":                    "docs/setup." + string(l) + ".md#public-endpoint",
		}
		if !maps.Equal(links, want) {
			t.Errorf("%s: %v", l, links)
		}
	}
}

// Every error of a service user's sign-in is told with its code, in every
// language, and as a failure. One service user meets each.
func TestSignInErrors(t *testing.T) {
	s := newSite(t)
	faults := graphsim.Faults{SignIn: map[string]int{}}
	var accounts []string
	for _, code := range signin.Codes() {
		name := fmt.Sprintf("svc-%d@contoso.com", code)
		faults.SignIn[name] = code
		accounts = append(accounts, fmt.Sprintf("{username: %s, password_file: password}", name))
	}
	s.SetFaults(faults)
	s.tenant["accounts"] = "[" + strings.Join(accounts, ", ") + "]"
	for _, l := range check.Languages() {
		told := map[string]check.Finding{}
		for _, f := range s.check(l) {
			if f.Step == "user.sign-in" {
				told[f.Account] = f
			}
		}
		for _, code := range signin.Codes() {
			f := told[fmt.Sprintf("svc-%d@contoso.com", code)]
			meaning, advice, _ := signin.Describe(code, "")
			if f.State != check.Failed || f.Code != fmt.Sprintf("AADSTS%d", code) || f.Meaning == "" || f.Advice == "" || !strings.Contains(f.Said, f.Code) {
				t.Errorf("%d in %s: %+v", code, l, f)
			}
			if english := f.Meaning == meaning && f.Advice == advice; english != (l == check.English) {
				t.Errorf("%d in %s is told in another language: %s; %s", code, l, f.Meaning, f.Advice)
			}
		}
	}
}
