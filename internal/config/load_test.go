package config

import (
	"errors"
	"io/fs"
	"log/slog"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// small is the least that works.
const small = `
public_url: https://presence.example.com/bridge/
tls: {cert_file: cert.pem, key_file: key.pem}
tenants:
  - name: contoso
    tenant_id: 84BD8158-6D4D-4958-8B9F-9D6445542F95
    client_id: 24D3B144-21AE-4080-943F-7067B395B913
    client_secret_file: secret
    accounts: [{username: svc@contoso.com, password: "#0 *hunter2: !"}]
    people: {users: [agent1@contoso.com, B36A4DF4-9D72-4B1E-A7F6-97C6E9A6F0A1]}
`

func TestDefaults(t *testing.T) {
	dir := newDir(t)
	c, err := Parse(filepath.Join(dir, "bridge.yaml"), []byte(small), []string{"HOME=/", "PRESENCEBRIDGES=1"})
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{
		PublicURL:   "https://presence.example.com/bridge",
		Listen:      Listen{Callback: ":8443", Admin: "127.0.0.1:9090"},
		TLS:         TLS{Mode: TLSFiles, CertFile: dir + "/cert.pem", KeyFile: dir + "/key.pem", ACME: ACME{HTTPListen: ":80"}},
		DataDir:     "/var/lib/presencebridge",
		SealKeyFile: "/var/lib/presencebridge/seal.key",
		NATS:        NATS{Replicas: 1, Embedded: Embedded{Listen: "127.0.0.1:4222", Sync: SyncAlways}, Forward: Forward{Replicas: 1, MaxAge: 24 * time.Hour, MaxMiB: 1024}},
		Events:      Events{History: time.Hour, Fields: Fields{Phones: true, DisplayName: true}},
		Graph:       Graph{BaseURL: "https://graph.microsoft.com/v1.0", Authority: "https://login.microsoftonline.com"},
		RSA:         "auto",
		Log:         Log{Level: slog.LevelInfo, Format: LogJSON},
		Tenants: []Tenant{{
			Name:         "contoso",
			ID:           "84bd8158-6d4d-4958-8b9f-9d6445542f95",
			ClientID:     "24d3b144-21ae-4080-943f-7067b395b913",
			ClientSecret: SecretFile(dir + "/secret"),
			Accounts:     []Account{{Username: "svc@contoso.com", Password: NewSecret("#0 *hunter2: !")}},
			People: People{
				Users:   []string{"agent1@contoso.com", "B36A4DF4-9D72-4B1E-A7F6-97C6E9A6F0A1"},
				Refresh: 15 * time.Minute,
			},
			Mode:       "push",
			Sweep:      Sweep{Interval: 2 * time.Minute, FastInterval: 5 * time.Second},
			StaleAfter: 5 * time.Minute,
		}},
	}
	if diff := cmp.Diff(want, c, cmp.Exporter(func(reflect.Type) bool { return true })); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
}

// Who is only polled needs no way in: no URL, no certificate, no service user.
func TestPollNeedsNoPublicSide(t *testing.T) {
	const polled = `
tenants:
  - name: contoso
    tenant_id: 84bd8158-6d4d-4958-8b9f-9d6445542f95
    client_id: 24d3b144-21ae-4080-943f-7067b395b913
    client_secret_file: secret
    mode: poll
    people: {all: true}
`
	dir := newDir(t)
	c, err := Parse(filepath.Join(dir, "bridge.yaml"), []byte(polled), nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Pushes() {
		t.Error("a public side is wanted")
	}
	// One tenant that is pushed brings all of it back.
	pushed := strings.ReplaceAll(polled[strings.Index(polled, "  - name"):], "    mode: poll\n", "")
	pushed = strings.NewReplacer("contoso", "fabrikam", "84bd8158", "94bd8158").Replace(pushed)
	_, err = Parse(filepath.Join(dir, "bridge.yaml"), []byte(polled+pushed), nil)
	if err == nil {
		t.Fatal("no mistakes found")
	}
	for _, key := range []string{"public_url", "tls.cert_file", "tls.key_file", "tenants[1].accounts"} {
		if !strings.Contains(err.Error(), key+": is missing") {
			t.Errorf("%s is not missed:\n%v", key, err)
		}
	}
}

func TestEnvironment(t *testing.T) {
	full := []string{
		"PRESENCEBRIDGE_PUBLIC_URL=https://other.example.com",
		"PRESENCEBRIDGE_LOG__LEVEL=debug",
		"PRESENCEBRIDGE_NATS__TLS__CA_FILE=cert.pem",
		"PRESENCEBRIDGE_EVENTS__FIELDS__PHONES=false",
		"PRESENCEBRIDGE_TENANTS__0__STALE_AFTER=10m",
		"PRESENCEBRIDGE_TENANTS__0__CLIENT_SECRET_FILE=",
		"PRESENCEBRIDGE_TENANTS__0__CLIENT_SECRET=null",
		"PRESENCEBRIDGE_TENANTS__0__ACCOUNTS__0__PASSWORD=a=b",
		"PRESENCEBRIDGE_TENANTS__0__PEOPLE__USERS=",
		"PRESENCEBRIDGE_TENANTS__0__PEOPLE__GROUPS= Sales , Support,",
		"PRESENCEBRIDGE_TENANTS__0__PEOPLE__EXCLUDE__0=boss@contoso.com",
		"PRESENCEBRIDGE_SERVICE_HOST=10.0.0.1",
		"PRESENCEBRIDGE_PORT=tcp://10.0.0.1:8443",
	}
	c, err := Parse(filepath.Join(newDir(t), "bridge.yaml"), []byte(small), full)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := c.Tenants[0].ClientSecret.Read()
	if err != nil {
		t.Fatal(err)
	}
	password, err := c.Tenants[0].Accounts[0].Password.Read()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]any{
		"url": c.PublicURL, "level": c.Log.Level, "ca": filepath.Base(c.NATS.TLS.CAFile),
		"phones": c.Events.Fields.Phones, "names": c.Events.Fields.DisplayName, "stale": c.Tenants[0].StaleAfter,
		"secret": secret, "password": password,
		"users": c.Tenants[0].People.Users, "groups": c.Tenants[0].People.Groups, "exclude": c.Tenants[0].People.Exclude,
	}
	want := map[string]any{
		"url": "https://other.example.com", "level": slog.LevelDebug, "ca": "cert.pem",
		"phones": false, "names": true, "stale": 10 * time.Minute,
		"secret": "null", "password": "a=b",
		"users": []string{}, "groups": []string{"Sales", "Support"}, "exclude": []string{"boss@contoso.com"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("overridden values (-want +got):\n%s", diff)
	}
}

// A file is not needed when the environment says everything; elements come in
// the order of their numbers, not of the variables.
func TestEnvironmentAlone(t *testing.T) {
	environ := []string{
		"PRESENCEBRIDGE_TLS__MODE=off",
		"PRESENCEBRIDGE_PUBLIC_URL=https://presence.example.com",
		"PRESENCEBRIDGE_TENANTS__0__NAME=contoso",
		"PRESENCEBRIDGE_TENANTS__0__TENANT_ID=84bd8158-6d4d-4958-8b9f-9d6445542f95",
		"PRESENCEBRIDGE_TENANTS__0__CLIENT_ID=24d3b144-21ae-4080-943f-7067b395b913",
		"PRESENCEBRIDGE_TENANTS__0__CLIENT_CERTIFICATE_FILE=cert.pem",
		"PRESENCEBRIDGE_TENANTS__0__ACCOUNTS__0__USERNAME=svc@contoso.com",
		"PRESENCEBRIDGE_TENANTS__0__ACCOUNTS__0__PASSWORD_FILE=secret",
	}
	var want []string
	for i := range 12 {
		group := string(rune('a' + i))
		want = append(want, group)
		environ = append(environ, "PRESENCEBRIDGE_TENANTS__0__PEOPLE__GROUPS__"+[]string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"}[i]+"="+group)
	}
	for _, text := range []string{"", "# nothing\n", "---\n", "tenants:\n", "tenants: []"} {
		c, err := Parse(filepath.Join(newDir(t), "bridge.yaml"), []byte(text), environ)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if diff := cmp.Diff(want, c.Tenants[0].People.Groups); diff != "" {
			t.Errorf("%q: groups (-want +got):\n%s", text, diff)
		}
		if c.Tenants[0].Sweep.Interval != 2*time.Minute {
			t.Errorf("%q: a tenant of the environment has no defaults", text)
		}
	}
}

// The simulator is on this machine, so the callback may be there too.
func TestLoopbackWithSimulator(t *testing.T) {
	text := strings.ReplaceAll(small, "https://presence.example.com/bridge/", "https://localhost:8443") +
		"graph: {base_url: 'https://127.0.0.1:7443/v1.0', authority: 'https://127.0.0.1:7443'}\n"
	if _, err := Parse(filepath.Join(newDir(t), "bridge.yaml"), []byte(text), nil); err != nil {
		t.Error(err)
	}
}

func TestLoadMissingFile(t *testing.T) {
	if _, err := Load(filepath.Join(t.TempDir(), "none.yaml"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error is %v, want one that says that the file does not exist", err)
	}
}

// Whatever the text is, Parse gives a configuration or mistakes with a place,
// and never panics.
func FuzzParse(f *testing.F) {
	f.Add(small, "PRESENCEBRIDGE_TENANTS__0__NAME=x")
	f.Add("tenants: [{}, ~, *a]", "PRESENCEBRIDGE_TENANTS__1__PEOPLE__USERS__0=x")
	f.Add("a: &a [*a]\n---\nb", "PRESENCEBRIDGE_TLS")
	f.Add("? {a: b}\n: {c: [d, !!binary e]}", "PRESENCEBRIDGE___=")
	f.Add("# comment", "PRESENCEBRIDGE_NATS__URL=nats://[::1")
	f.Add("public_url: 'https://[::1%25x]:99/%zz'\nlisten: {admin: ':'}", "")
	f.Fuzz(func(t *testing.T, text, variable string) {
		c, err := Parse("bridge.yaml", []byte(text), []string{variable})
		if err == nil {
			if c.PublicURL == "" || len(c.Tenants) == 0 {
				t.Error("an incomplete configuration has no mistakes")
			}
			return
		}
		mistakes, ok := errors.AsType[*Mistakes](err)
		if !ok {
			t.Fatalf("error is %v, want mistakes", err)
		}
		for _, m := range mistakes.List {
			if m.Wrong == "" || m.Place.String() == "" {
				t.Errorf("mistake %+v does not say where and what", m)
			}
		}
	})
}
