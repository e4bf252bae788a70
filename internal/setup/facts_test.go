package setup

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"jtel.de/presencebridge/internal/config"
)

// Whatever the facts are, the service takes the configuration, and means them.
func TestConfigurationLoads(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "secrets", "contoso-client-secret")
	outside := filepath.Join(t.TempDir(), "a password: #1")
	for _, file := range []string{secret, outside} {
		if err := Write(file, []byte("hunter2\n")); err != nil {
			t.Fatal(err)
		}
	}
	base := Facts{
		PublicURL: "https://presence.example.com", TLS: TLS{Off: true}, Tenant: "contoso",
		TenantID: "84bd8158-6d4d-4958-8b9f-9d6445542f95", ClientID: "24d3b144-21ae-4080-943f-7067b395b913",
		SecretFile: secret, Accounts: []Account{{"svc-1@contoso.com", outside}, {"svc-2@contoso.com", ""}},
		People: People{Groups: []string{"yes", "Contact: Centre #2", "*all"}},
	}
	for name, change := range map[string]func(*Facts){
		"as it is": func(*Facts) {},
		"polled":   func(f *Facts) { f.Poll, f.PublicURL, f.Accounts = true, "", nil },
		"elsewhere": func(f *Facts) {
			f.Graph, f.Authority, f.NATSURL, f.DataDir = "https://graph.microsoft.us/v1.0", "https://login.microsoftonline.us", "tls://nats.example.com", filepath.Join(dir, "data")
		},
		"acme":      func(f *Facts) { f.TLS = TLS{ACMEEmail: "ops@example.com"} },
		"everybody": func(f *Facts) { f.People = People{All: true, Exclude: []string{"svc-1@contoso.com"}} },
	} {
		f := base
		change(&f)
		files := Files{Config: filepath.Join(dir, strings.ReplaceAll(name, " ", "-")+".yaml")}
		if changed, err := files.WriteConfig(f, false); err != nil || !changed {
			t.Fatalf("%s: %v", name, err)
		}
		c, err := config.Load(files.Config, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := c.Tenants[0]
		if value, err := got.ClientSecret.Read(); err != nil || value != "hunter2" || got.Name != "contoso" || len(got.Accounts) != len(f.Accounts) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if strings.Join(got.People.Groups, "|") != strings.Join(f.People.Groups, "|") || got.People.All != f.People.All {
			t.Errorf("%s: people %+v", name, got.People)
		}
		if len(got.Accounts) == 2 && (got.Accounts[0].Password.File() != outside || got.Accounts[1].SignIn != config.SignInDeviceCode) {
			t.Errorf("%s: accounts %+v", name, got.Accounts)
		}
	}
}

func TestAConfigurationIsNeverLost(t *testing.T) {
	files := Files{Config: filepath.Join(t.TempDir(), "presencebridge.yaml")}
	facts := Facts{Tenant: "contoso"}
	if _, err := files.WriteConfig(facts, false); err != nil {
		t.Fatal(err)
	}
	if changed, err := files.WriteConfig(facts, false); err != nil || changed {
		t.Errorf("the same again: %t, %v", changed, err)
	}
	facts.Tenant = "fabrikam"
	if _, err := files.WriteConfig(facts, false); !errors.Is(err, ErrExists) {
		t.Errorf("another over it: %v", err)
	}
	if changed, err := files.WriteConfig(facts, true); err != nil || !changed {
		t.Errorf("forced: %t, %v", changed, err)
	}
	if info, err := os.Stat(files.Config); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestTenantName(t *testing.T) {
	for domain, want := range map[string]string{
		"contoso.com": "contoso", "Contoso.onmicrosoft.com": "contoso", "my_firm.de": "my-firm", "": "tenant", "münchen.de": "m-nchen",
		strings.Repeat("a", 70) + ".de": strings.Repeat("a", 63),
	} {
		if got := TenantName(domain); got != want {
			t.Errorf("%q: %q, want %q", domain, got, want)
		}
	}
}

func TestPasswordsAreStrongAndDiffer(t *testing.T) {
	seen := map[string]bool{}
	for range 200 {
		p := newPassword()
		if seen[p] || len(p) != passwordLength || strings.TrimSpace(p) != p {
			t.Fatalf("password %q", p)
		}
		seen[p] = true
		for _, kind := range []string{lower, upper, digits, symbols} {
			if !strings.ContainsAny(p, kind) {
				t.Errorf("%q has none of %q", p, kind)
			}
		}
	}
}

func TestWhoGetsWhatRootWrites(t *testing.T) {
	users := func(gid int) (int, bool) { return 990, gid == 991 }
	for _, tt := range []struct {
		uid, gid, wantUID, wantGID int
		given                      bool
	}{
		{0, 0, 0, 0, false},          // root's own folder
		{0, 991, 990, 991, true},     // root:presencebridge, as the package has it
		{0, 50, 0, 0, false},         // a group without a user of its name
		{1000, 100, 1000, 100, true}, // somebody's folder
	} {
		uid, gid, given := heir(tt.uid, tt.gid, users)
		if given != tt.given || given && (uid != tt.wantUID || gid != tt.wantGID) {
			t.Errorf("%d:%d: %d:%d %t", tt.uid, tt.gid, uid, gid, given)
		}
	}
}
