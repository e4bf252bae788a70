package sdk_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/internal/graph/sdk"
	"jtel.de/presencebridge/internal/graph/signin"
	"jtel.de/presencebridge/internal/graphsim"
)

// setting is the simulator with the real credentials and clients of its tenant.
type setting struct {
	*graphsim.Simulator
	tenant  graphsim.Tenant
	options signin.Options
	roots   *x509.CertPool
}

func newSetting(t *testing.T, roots *x509.CertPool) setting {
	t.Helper()
	s := graphsim.New(graphsim.Options{Seed: 7, Roots: roots})
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	trust := x509.NewCertPool()
	if !trust.AppendCertsFromPEM(s.CA()) {
		t.Fatal("the simulator's root is no PEM")
	}
	tenant := s.Tenant()
	return setting{s, tenant, signin.Options{
		Authority: s.AuthorityURL(), TenantID: tenant.ID, ClientID: tenant.App.ID, HTTP: signin.NewHTTP(trust),
		Secret: func() (string, error) { return tenant.App.Secret, nil },
	}, trust}
}

func (s setting) user(t *testing.T) (*signin.Credential, *sdk.Client) {
	t.Helper()
	a := s.tenant.Accounts[0]
	c, err := signin.NewUser(s.options, a.Username, func() (string, error) { return a.Password, nil })
	if err != nil {
		t.Fatal(err)
	}
	return c, s.client(t, c)
}

func (s setting) client(t *testing.T, c *signin.Credential) *sdk.Client {
	t.Helper()
	client, err := sdk.New(sdk.Options{BaseURL: s.GraphURL(), Credential: c, Roots: s.roots, ClientID: s.tenant.App.ID})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// receiver answers handshakes over TLS.
func receiver(t *testing.T) (*httptest.Server, *x509.CertPool) {
	t.Helper()
	r := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		io.WriteString(w, r.URL.Query().Get("validationToken"))
	}))
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der := selfSigned(t, key, &key.PublicKey)
	r.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	r.StartTLS()
	t.Cleanup(r.Close)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return r, roots
}

func selfSigned(t *testing.T, key, public any) []byte {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "receiver"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestLifeOfASubscription(t *testing.T) {
	hook, roots := receiver(t)
	s := newSetting(t, roots)
	credential, client := s.user(t)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	want := graph.Subscription{
		NotificationURL: hook.URL + "/graph/notifications", LifecycleURL: hook.URL + "/graph/lifecycle",
		ClientState: "slot.mac", ExpiresAt: time.Now().Add(59 * time.Minute),
		Certificate: graph.Certificate{ID: "enc-1", DER: selfSigned(t, key, &key.PublicKey)},
	}
	for _, u := range s.tenant.Users[:3] {
		want.UserIDs = append(want.UserIDs, u.ID)
	}
	slices.Sort(want.UserIDs)

	made, err := client.CreateSubscription(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.CreateSubscription(t.Context(), want); graph.Classify(err) != graph.Conflict {
		t.Errorf("a second one: %v", err)
	}
	listed, err := client.Subscriptions(t.Context())
	if err != nil || len(listed) != 1 || listed[0].ID != made.ID || listed[0].ClientState != "" || !slices.Equal(listed[0].UserIDs, want.UserIDs) {
		t.Errorf("listed %+v, %v", listed, err)
	}
	if err := credential.Refresh(t.Context()); err != nil {
		t.Error(err)
	}
	renewed, err := client.RenewSubscription(t.Context(), made.ID, time.Now().Add(59*time.Minute), nil)
	if err != nil || renewed.ID != made.ID || renewed.ExpiresAt.Before(made.ExpiresAt) {
		t.Errorf("renewed %+v, %v", renewed, err)
	}
	for range 2 { // the second finds nothing
		if err := client.DeleteSubscription(t.Context(), made.ID); err != nil {
			t.Error(err)
		}
	}
	if _, err := client.RenewSubscription(t.Context(), made.ID, time.Now().Add(time.Hour), nil); graph.Classify(err) != graph.NotFound {
		t.Errorf("renewing what is gone: %v", err)
	}
}

func TestAppReadsTheDirectoryButMakesNoSubscription(t *testing.T) {
	s := newSetting(t, nil)
	app, err := signin.NewApp(s.options)
	if err != nil {
		t.Fatal(err)
	}
	client := s.client(t, app)
	found := map[string]graph.User{}
	for u, err := range client.Users(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		found[u.ID] = u
	}
	if len(found) != len(s.tenant.Users)+len(s.tenant.Accounts) {
		t.Errorf("%d users of %d", len(found), len(s.tenant.Users)+len(s.tenant.Accounts))
	}
	first := s.tenant.Users[0]
	if u, err := client.User(t.Context(), first.UserPrincipalName); err != nil || u.ID != found[u.ID].ID {
		t.Errorf("%+v, %v", u, err)
	}
	s.SetPresence(first.ID, "Busy", "InACall")
	p, err := client.Presences(t.Context(), []string{first.ID})
	if err != nil || len(p) != 1 || p[0].Availability != "Busy" || p[0].Activity != "InACall" {
		t.Errorf("%+v, %v", p, err)
	}
	for _, g := range s.tenant.Groups {
		if got, err := client.Group(t.Context(), g.DisplayName); err != nil || got.DisplayName != g.DisplayName {
			t.Errorf("%+v, %v", got, err)
		}
		for _, err := range client.GroupMembers(t.Context(), g.ID) {
			if err != nil {
				t.Error(err)
			}
		}
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.CreateSubscription(t.Context(), graph.Subscription{
		UserIDs: []string{first.ID}, NotificationURL: "https://127.0.0.1:1/", ExpiresAt: time.Now().Add(time.Hour),
		Certificate: graph.Certificate{ID: "enc-1", DER: selfSigned(t, key, &key.PublicKey)},
	})
	if graph.Classify(err) != graph.Operator {
		t.Errorf("the app made a subscription: %v", err)
	}
}

func TestRefusedServiceUsers(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*graphsim.Account)
		code   int
	}{
		"multi-factor":     {func(a *graphsim.Account) { a.MFA = true }, 50076},
		"disabled":         {func(a *graphsim.Account) { a.Disabled = true }, 50057},
		"password expired": {func(a *graphsim.Account) { a.PasswordExpired = true }, 50055},
		"wrong password":   {func(a *graphsim.Account) { a.Password = "changed" }, 50126},
	} {
		s := newSetting(t, nil)
		_, client := s.user(t)
		s.SetAccount(s.tenant.Accounts[0].Username, test.change)
		_, err := client.Subscriptions(t.Context())
		if e, ok := errors.AsType[*graph.SignInError](err); !ok || e.AADSTS != test.code || !e.Permanent {
			t.Errorf("%s: %v", name, err)
		}
	}
}
