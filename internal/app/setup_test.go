package app_test

import (
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"jtel.de/presencebridge/internal/app"
	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/demo"
	"jtel.de/presencebridge/internal/graphsim"
	"jtel.de/presencebridge/internal/setup"
)

// office is an empty tenant, and the machine of somebody who sets it up.
type office struct {
	*bridge
	ca   string
	said []setup.Line
}

func newOffice(t *testing.T, o graphsim.Options) *office {
	t.Helper()
	dir := t.TempDir()
	site, err := demo.NewSite(dir)
	if err != nil {
		t.Fatal(err)
	}
	o.Empty, o.People, o.Roots = true, 5, site.Roots
	b := &bridge{t: t, sim: graphsim.New(o), log: &lines{}, callback: freeAddress(t), file: filepath.Join(dir, "presencebridge.yaml")}
	if err := b.sim.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.sim.Close)
	ca, err := site.WriteEmpty(b.sim)
	if err != nil {
		t.Fatal(err)
	}
	return &office{bridge: b, ca: ca}
}

// setUp runs the command as the administrator.
func (o *office) setUp(change func(*app.SetupOptions)) (setup.Facts, error) {
	o.t.Helper()
	o.said = nil
	dir := filepath.Dir(o.file)
	options := app.SetupOptions{
		Options: setup.Options{
			Files: setup.Files{Config: o.file}, Name: "Presence Bridge", Prefix: "svc-presence", ProofLife: 365 * 24 * time.Hour,
			Say: func(l setup.Line) { o.said = append(o.said, l) }, Pause: 10 * time.Millisecond,
			Facts: setup.Facts{
				PublicURL: "https://" + o.callback, TLS: setup.TLS{CertFile: dir + "/callback.pem", KeyFile: dir + "/callback-key.pem"},
				DataDir: dir + "/data", Graph: o.sim.GraphURL(), Authority: o.sim.AuthorityURL(), CAFile: o.ca, People: setup.People{All: true, Exclude: []string{"admin@contoso.com"}},
			},
		},
		Log: slog.New(slog.NewTextHandler(o.log, nil)), PollEvery: 10 * time.Millisecond,
		Show: func(p app.Prompt) {
			if !o.sim.ApproveDevice(p.Code, "admin@contoso.com") {
				o.t.Error("no sign-in waits")
			}
		},
	}
	if change != nil {
		change(&options)
	}
	return app.Setup(o.t.Context(), options)
}

// lines that begin with a mark.
func (o *office) marked(m setup.Mark) []string {
	var list []string
	for _, l := range o.said {
		if l.Mark == m {
			list = append(list, l.Text)
		}
	}
	return list
}

// writes counts the requests that changed the directory.
func (o *office) writes() int {
	return o.requests(func(r graphsim.Request) bool {
		return r.Kind == graphsim.KindGraph && (r.Method == http.MethodPost || r.Method == http.MethodPatch) && r.Status < 300
	})
}

// serve runs the service with what was written.
func (o *office) serve() {
	o.change = func(c *config.Config) {
		c.Listen.Callback, c.Listen.Admin, c.NATS.Embedded.Listen = o.callback, "127.0.0.1:0", "127.0.0.1:0"
		c.NATS.Embedded.Sync = config.SyncInterval
	}
	o.start(false)
	o.covered()
	o.set(o.user(0), "Busy", "InACall")
	o.eventually("event", o.agrees)
}

// From nothing to a delivered change, in a directory that is slow to spread
// what was written, with faults; then once more, which changes nothing.
func TestAnEmptyTenantIsSetUpAndServes(t *testing.T) {
	faults := graphsim.DefaultFaults()
	faults.DirectoryLag = 200 * time.Millisecond
	o := newOffice(t, graphsim.Options{Faults: faults})
	facts, err := o.setUp(nil)
	if err != nil {
		t.Fatalf("%v\n%v", err, o.said)
	}
	tenant := o.sim.Tenant()
	if facts.ClientID != tenant.App.ID || facts.TenantID != tenant.ID || facts.Tenant != "contoso" || len(facts.Accounts) != 2 {
		t.Errorf("facts %+v", facts)
	}
	if len(o.marked(setup.Waiting)) == 0 {
		t.Error("nothing lagged: this test proves less than it says")
	}
	roles := []string{"Application.Read.All", "Domain.Read.All", "Presence.Read.All", "User.Read.All"}
	slices.Sort(tenant.App.Roles)
	if !slices.Equal(tenant.App.Roles, roles) || !slices.Equal(tenant.App.Scopes, []string{"Presence.Read.All"}) || tenant.App.AssignmentRequired {
		t.Errorf("app %v %v", tenant.App.Roles, tenant.App.Scopes)
	}
	for _, a := range tenant.Accounts {
		if a.PasswordPolicies != "DisablePasswordExpiration" || a.PasswordExpired || len(a.Password) < 32 {
			t.Errorf("service user %s", a.Username)
		}
	}
	for _, path := range []string{o.file, facts.SecretFile, facts.Accounts[0].PasswordFile, facts.Accounts[1].PasswordFile} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v", path, err)
		}
	}

	before, text := o.writes(), readFile(t, o.file)
	if _, err := o.setUp(nil); err != nil {
		t.Fatal(err)
	}
	if n := o.writes() - before; n != 0 || len(o.marked(setup.Made))+len(o.marked(setup.Changed)) != 0 || readFile(t, o.file) != text {
		t.Errorf("the second run wrote %d times: %v", n, o.said)
	}
	for _, secret := range []string{tenant.App.Secrets[0].Value, tenant.Accounts[0].Password, tenant.Accounts[1].Password} {
		if strings.Contains(pretty(o.said)+o.log.all()+text+pretty(facts), secret) {
			t.Error("a secret was told")
		}
	}
	o.serve()
}

func TestADryRunChangesNothing(t *testing.T) {
	o := newOffice(t, graphsim.Options{})
	if _, err := o.setUp(func(s *app.SetupOptions) { s.DryRun = true }); err != nil {
		t.Fatal(err)
	}
	if n := o.writes(); n != 0 || len(o.marked(setup.Would)) < 10 || len(o.marked(setup.Made)) != 0 {
		t.Errorf("%d writes; %v", n, o.said)
	}
	if setup.Exists(o.file) || setup.Exists(filepath.Join(filepath.Dir(o.file), "secrets")) {
		t.Error("files were written")
	}
}

func TestOnlyWhatDiffersIsChanged(t *testing.T) {
	o := newOffice(t, graphsim.Options{})
	if _, err := o.setUp(nil); err != nil {
		t.Fatal(err)
	}
	account := o.sim.Tenant().Accounts[0]
	o.sim.SetApp(func(a *graphsim.App) {
		a.AssignmentRequired = true
		a.Secrets[0].Expires = time.Now().Add(20 * 24 * time.Hour)
	})
	o.sim.SetAccount(account.Username, func(a *graphsim.Account) { a.PasswordPolicies = "DisableStrongPassword" })
	if _, err := o.setUp(nil); err != nil {
		t.Fatal(err)
	}
	tenant := o.sim.Tenant()
	if tenant.App.AssignmentRequired || len(tenant.App.Secrets) != 2 || tenant.Accounts[0].PasswordPolicies != "DisableStrongPassword, DisablePasswordExpiration" {
		t.Errorf("app %+v", tenant.App.Secrets)
	}
	if got := strings.TrimSpace(readFile(t, filepath.Join(filepath.Dir(o.file), "secrets", "contoso-client-secret"))); got != tenant.App.Secrets[1].Value {
		t.Error("the new secret is not in its file")
	}
	if n := len(o.marked(setup.Made)) + len(o.marked(setup.Changed)); n != 3 {
		t.Errorf("%d changes: %v", n, o.said)
	}

	// More people: more service users; the configuration is touched only by force.
	more := func(s *app.SetupOptions) { s.Accounts = 3 }
	kept := readFile(t, o.file)
	if _, err := o.setUp(more); err != nil || readFile(t, o.file) != kept || !strings.Contains(strings.Join(o.marked(setup.Found), "\n"), "left as it is") {
		t.Errorf("without force: %v, %v", err, o.said)
	}
	if _, err := o.setUp(func(s *app.SetupOptions) { more(s); s.Force = true }); err != nil || !strings.Contains(readFile(t, o.file), "svc-presence-3@contoso.com") {
		t.Errorf("by force: %v", err)
	}
	if _, err := o.setUp(func(s *app.SetupOptions) { s.Force = true }); err != nil || readFile(t, o.file) != kept {
		t.Errorf("and back: %v", err)
	}
}

// A run that breaks off anywhere is repeated, and ends where an undisturbed one does.
func TestAnInterruptedRunGoesOn(t *testing.T) {
	o := newOffice(t, graphsim.Options{})
	owning := func(s *app.SetupOptions) { s.ServiceOwners = true }
	for _, path := range []string{"/applications", "/servicePrincipals", "/appRoleAssignedTo", "/oauth2PermissionGrants", "/addPassword", "/users", "/owners/$ref"} {
		o.sim.SetFaults(graphsim.Faults{Refuse: []graphsim.Refusal{{Method: "POST", Path: path, Status: 500, Times: 1}}})
		if _, err := o.setUp(owning); err == nil {
			t.Fatalf("POST %s failed and nobody noticed", path)
		}
	}
	if _, err := o.setUp(owning); err != nil {
		t.Fatal(err)
	}
	if tenant := o.sim.Tenant(); len(tenant.App.Secrets) != 1 || len(tenant.Accounts) != 2 {
		t.Errorf("%d secrets, %d service users", len(tenant.App.Secrets), len(tenant.Accounts))
	}
}

func TestALostPasswordIsSaidOrReset(t *testing.T) {
	o := newOffice(t, graphsim.Options{})
	facts, err := o.setUp(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(facts.Accounts[0].PasswordFile); err != nil {
		t.Fatal(err)
	}
	if _, err := o.setUp(nil); !errors.Is(err, setup.ErrIncomplete) || len(o.marked(setup.Problem)) != 1 || !strings.Contains(o.marked(setup.Problem)[0], "--reset-passwords") {
		t.Errorf("%v: %v", err, o.said)
	}
	if _, err := o.setUp(func(s *app.SetupOptions) { s.ResetPasswords = true }); err != nil {
		t.Fatal(err)
	}
}

// With a certificate and without any stored password.
func TestSetUpWithoutSecrets(t *testing.T) {
	o := newOffice(t, graphsim.Options{})
	change := func(s *app.SetupOptions) {
		s.Certificate, s.DeviceCode, s.Accounts, s.ServiceOwners = true, true, 1, true
		s.Owners = []string{"agent01@contoso.com"}
	}
	if _, err := o.setUp(change); err != nil {
		t.Fatal(err)
	}
	before := o.writes()
	if _, err := o.setUp(change); err != nil || o.writes() != before {
		t.Errorf("the second run: %v, %v", err, o.said)
	}
	tenant := o.sim.Tenant()
	if len(tenant.App.Secrets) != 0 || len(tenant.App.Certificates) != 1 || len(tenant.Accounts) != 1 {
		t.Errorf("app %+v", tenant.App)
	}
	if owners := strings.Join(o.marked(setup.Found), "\n"); !strings.Contains(owners, "owner agent01@") || !strings.Contains(owners, "owner svc-presence-1@") || !strings.Contains(owners, "owner admin@") {
		t.Errorf("owners: %s", owners)
	}
	user := tenant.Accounts[0].Username
	if err := o.login(app.DeviceUser{Tenant: "contoso", Username: user}, user); err != nil {
		t.Fatal(err)
	}
	o.serve()
}

// Who only polls needs no service user, and no permission for one.
func TestSetUpToPoll(t *testing.T) {
	o := newOffice(t, graphsim.Options{})
	facts, err := o.setUp(func(s *app.SetupOptions) {
		s.Facts.Poll, s.Facts.PublicURL, s.Facts.TLS = true, "", setup.TLS{}
	})
	if err != nil {
		t.Fatal(err)
	}
	tenant := o.sim.Tenant()
	if len(facts.Accounts) != 0 || len(tenant.Accounts) != 0 || len(tenant.App.Scopes) != 0 || len(tenant.App.Roles) != 4 {
		t.Errorf("%d service users, %v, %v", len(tenant.Accounts), tenant.App.Scopes, tenant.App.Roles)
	}
	if c, err := config.Load(o.file, nil); err != nil || c.Pushes() {
		t.Errorf("%v", err)
	}
}

// The permissions are those that the check looks for.
func TestSetUpForGroups(t *testing.T) {
	o := newOffice(t, graphsim.Options{})
	_, err := o.setUp(func(s *app.SetupOptions) {
		s.Facts.People, s.Accounts = setup.People{Groups: []string{"Contact Centre"}}, 1
	})
	if err != nil {
		t.Fatal(err)
	}
	if roles := o.sim.Tenant().App.Roles; !slices.Contains(roles, "GroupMember.Read.All") || slices.Contains(roles, "Member.Read.Hidden") {
		t.Errorf("roles %v", roles)
	}
}

// A secret whose whole life is short is not replaced by every run.
func TestAShortLivedSecretIsKept(t *testing.T) {
	o := newOffice(t, graphsim.Options{})
	for range 2 {
		if _, err := o.setUp(func(s *app.SetupOptions) { s.ProofLife, s.Accounts = 28*24*time.Hour, 1 }); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(o.sim.Tenant().App.Secrets); n != 1 {
		t.Errorf("%d secrets", n)
	}
}

// A password that is wrong is tried once: more would lock the account.
func TestAWrongPasswordIsTriedOnce(t *testing.T) {
	o := newOffice(t, graphsim.Options{})
	one := func(s *app.SetupOptions) { s.Accounts = 1 }
	facts, err := o.setUp(one)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(facts.Accounts[0].PasswordFile, []byte("not the password of this service user\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := o.setUp(one); !errors.Is(err, setup.ErrIncomplete) || len(o.marked(setup.Problem)) != 1 {
		t.Errorf("%v: %v", err, o.said)
	}
	if n := o.requests(func(r graphsim.Request) bool { return r.Code == "AADSTS50126" }); n != 1 {
		t.Errorf("tried %d times", n)
	}
}

// Certificate and password are replaced under the running service, which notices
// nothing but a reload.
func TestReplacingNeedsNoRestart(t *testing.T) {
	o := newOffice(t, graphsim.Options{})
	change := func(s *app.SetupOptions) { s.Certificate, s.Accounts, s.ResetPasswords = true, 1, true }
	facts, err := o.setUp(change)
	if err != nil {
		t.Fatal(err)
	}
	o.serve()
	for _, file := range []string{facts.CertificateFile, facts.Accounts[0].PasswordFile} {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := o.setUp(change); err != nil {
		t.Fatal(err)
	}
	before := o.sim.Tenant()
	if len(before.App.Certificates) != 2 {
		t.Fatalf("%d certificates: the new one does not stand beside the old", len(before.App.Certificates))
	}
	o.sim.SetApp(func(a *graphsim.App) { a.Certificates = a.Certificates[1:] }) // the old one goes
	o.sim.Revoke(before.Accounts[0].Username)                                   // a reset ends all sign-ins
	refused := func(r graphsim.Request) bool {
		return r.Kind == graphsim.KindAuthority && strings.HasPrefix(r.Code, "AADSTS") && r.Code != "AADSTS70016" && r.Code != "AADSTS50173"
	}
	n := o.requests(refused)
	o.reload <- nil
	renewed := func(r graphsim.Request) bool {
		return r.Method == http.MethodPatch && strings.Contains(r.Path, "/subscriptions/") && r.Status == http.StatusOK
	}
	patched := o.requests(renewed)
	o.renew(o.sim.Subscriptions()[0].ID)
	o.eventually("a renewal", func() bool { return o.requests(renewed) > patched })
	o.set(o.user(1), "Away", "Away")
	o.eventually("event", o.agrees)
	if now := o.requests(refused); now != n {
		t.Errorf("%d sign-ins were refused:\n%s", now-n, o.log.tail(30))
	}
}

// A tenant that demands MFA lets no password in: that is said while the
// administrator is still there, with the way out.
func TestSetUpTriesEverySignIn(t *testing.T) {
	o := newOffice(t, graphsim.Options{})
	o.sim.SetFaults(graphsim.Faults{SignIn: map[string]int{"svc-presence-2@contoso.com": 50076}})
	_, err := o.setUp(nil)
	problems := o.marked(setup.Problem)
	if !errors.Is(err, setup.ErrIncomplete) || len(problems) != 1 || !strings.Contains(problems[0], "multi-factor") || !strings.Contains(problems[0], "device code") {
		t.Errorf("%v: %v", err, o.said)
	}
	if found := strings.Join(o.marked(setup.Found), "\n"); !strings.Contains(found, "the app signs in") || !strings.Contains(found, "svc-presence-1@contoso.com signs in") {
		t.Errorf("%v", o.said)
	}
	// Sign-in hears of a new app later than the directory does.
	o.sim.SetFaults(graphsim.Faults{SignIn: map[string]int{o.sim.Tenant().App.ID: 700016}})
	tried := 0
	if _, err := o.setUp(func(s *app.SetupOptions) {
		say := s.Say
		s.Say = func(l setup.Line) {
			say(l)
			if strings.Contains(l.Text, "the app cannot sign in yet") {
				tried++
				o.sim.SetFaults(graphsim.Faults{})
			}
		}
	}); err != nil || tried != 1 {
		t.Errorf("%v after %d: %v", err, tried, o.said)
	}
}

func TestWhoMayNotIsTold(t *testing.T) {
	o := newOffice(t, graphsim.Options{})
	o.sim.SetFaults(graphsim.Faults{Refuse: []graphsim.Refusal{{Method: "POST", Path: "/applications", Status: 403}}})
	if _, err := o.setUp(nil); err == nil || !strings.Contains(err.Error(), "Global Administrator") {
		t.Errorf("%v", err)
	}
}

func TestWhoIsNoAdministratorIsTold(t *testing.T) {
	o := newOffice(t, graphsim.Options{})
	_, err := o.setUp(func(s *app.SetupOptions) {
		s.Show = func(p app.Prompt) { o.sim.DeclineDevice(p.Code) }
	})
	if err == nil || !strings.Contains(err.Error(), "declined") {
		t.Errorf("%v", err)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
