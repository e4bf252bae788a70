package signin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"jtel.de/presencebridge/internal/graph"
)

const again = "presencebridge login --config FILE --tenant contoso --account " + username

// drawer is a Keeper.
type drawer struct {
	token string
	full  bool // nothing goes in any more
}

func (d *drawer) RefreshToken(context.Context) (string, error) {
	if d.token == "" {
		return "", fmt.Errorf("the drawer is empty: %w", fs.ErrNotExist)
	}
	return d.token, nil
}

func (d *drawer) Rotated(_ context.Context, from, to string) error {
	if d.full {
		return errors.New("disk full")
	}
	if d.token == from {
		d.token = to
	}
	return nil
}

func newDevice(t *testing.T, o Options, kept Keeper) *Credential {
	t.Helper()
	c, err := NewDevice(o, username, kept, again)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDeviceRedeemsAndRotates(t *testing.T) {
	a := newAuthority(t)
	kept := &drawer{token: "refresh-0"}
	c := newDevice(t, a.options(), kept)
	mustToken(t, c, "token-1")
	mustToken(t, c, "token-1")
	if err := c.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustToken(t, c, "token-2")
	f := a.asked()
	if len(f) != 2 || f[0].Get("refresh_token") != "refresh-0" || f[1].Get("refresh_token") != "refresh-1" || kept.token != "refresh-2" {
		t.Fatalf("kept %s, authority saw %v", kept.token, f)
	}
	for _, form := range f {
		if form.Get("client_secret") != secret || !strings.Contains(form.Get("scope"), "offline_access") || !strings.Contains(form.Get("claims"), "CP1") {
			t.Errorf("authority saw %v", form)
		}
	}
}

// A token that cannot be kept costs nothing: the former one lives on.
func TestDeviceGoesOnWhenNothingCanBeKept(t *testing.T) {
	a := newAuthority(t)
	c := newDevice(t, a.options(), &drawer{token: "refresh-0", full: true})
	mustToken(t, c, "token-1")
	if err := c.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if f := a.asked(); f[1].Get("refresh_token") != "refresh-0" {
		t.Errorf("authority saw %v", f)
	}
}

func TestDeviceSaysWhoMustSignInAgain(t *testing.T) {
	for code, meaning := range map[int]string{
		50173:  "revoked",
		700082: "not used for too long",
		70008:  "expired",
		70043:  "sign-in frequency",
		50076:  "multi-factor",
		50133:  "policies",
		123456: "refused",
	} {
		a := newAuthority(t)
		a.refuse(code, "invalid_grant")
		c := newDevice(t, a.options(), &drawer{token: "refresh-0"})
		s := refused(t, c)
		text := s.Error()
		if !s.Permanent || s.AADSTS != code || !strings.Contains(text, meaning) || !strings.Contains(text, again) {
			t.Errorf("%d: %s", code, text)
		}
		if again := refused(t, c); again.AADSTS != code || len(a.asked()) != 1 {
			t.Errorf("%d: asked %d times", code, len(a.asked()))
		}
	}
}

// What a new sign-in would not lift has other advice.
func TestDeviceAdviceFitsTheCause(t *testing.T) {
	for code, advice := range map[int]string{53003: "policy", 7000222: "new client secret", 50057: "enable the service user"} {
		a := newAuthority(t)
		a.refuse(code, "invalid_grant")
		s := refused(t, newDevice(t, a.options(), &drawer{token: "refresh-0"}))
		if !strings.Contains(s.Advice, advice) || strings.Contains(s.Advice, again) {
			t.Errorf("%d: %s", code, s.Advice)
		}
	}
}

func TestDeviceBeforeAnybodySignedIn(t *testing.T) {
	a := newAuthority(t)
	kept := &drawer{}
	c := newDevice(t, a.options(), kept)
	s := refused(t, c)
	if !s.Permanent || graph.Classify(s) != graph.Operator || !strings.Contains(s.Error(), again) || len(a.asked()) != 0 {
		t.Fatalf("%v, %d requests", s, len(a.asked()))
	}
	kept.token = "refresh-0" // somebody did; nobody was asked, so nothing is remembered
	mustToken(t, c, "token-1")
}

func TestDeviceAnswersAClaimsChallenge(t *testing.T) {
	a := newAuthority(t)
	c := newDevice(t, a.options(), &drawer{token: "refresh-0"})
	o := question
	o.Claims = `{"access_token":{"nbf":{"essential":true,"value":"1"}}}`
	if _, err := c.GetToken(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	var claims map[string]map[string]any
	if err := json.Unmarshal([]byte(a.asked()[0].Get("claims")), &claims); err != nil {
		t.Fatal(err)
	}
	if claims["access_token"]["nbf"] == nil || claims["access_token"]["xms_cc"] == nil {
		t.Errorf("claims %v", claims)
	}
	if got := wanted(policy.TokenRequestOptions{}); got != "" {
		t.Errorf("claims %s without a reason", got)
	}
}

// An app that Entra ID takes for a public client may send no secret.
func TestDeviceOfAPublicClient(t *testing.T) {
	a := newAuthority(t)
	a.answerWith(func(f url.Values) (int, string) {
		if f.Has("client_secret") {
			return 401, refusalBody(700025, "invalid_client")
		}
		return 200, `{"access_token":"token-p","expires_in":3600,"refresh_token":"refresh-p"}`
	})
	mustToken(t, newDevice(t, a.options(), &drawer{token: "refresh-0"}), "token-p")
}

func TestDeviceCodeWaitsForTheBrowser(t *testing.T) {
	a := newAuthority(t)
	polls := 0
	a.answerWith(func(f url.Values) (int, string) {
		if f.Get("grant_type") == "refresh_token" {
			return 0, ""
		}
		if f.Get("device_code") != "device-1" || f.Get("client_secret") != secret {
			t.Errorf("authority saw %v", f)
		}
		polls++
		switch polls {
		case 1:
			return 400, refusalBody(70016, "authorization_pending")
		case 2:
			return 503, "" // a moment's outage sends nobody back to the browser
		}
		return 0, ""
	})
	var shown Prompt
	s, err := DeviceCode(t.Context(), a.options(), []string{defaultScope}, func(p Prompt) { shown = p })
	if err != nil || polls != 3 {
		t.Fatalf("%v after %d polls", err, polls)
	}
	if shown.Code != "ABCD1234" || shown.Address != "https://microsoft.com/devicelogin" {
		t.Errorf("shown %+v", shown)
	}
	if s.Username != username || s.TenantID != tenantID || s.RefreshToken != "refresh-4" {
		t.Errorf("signed in: %s %s %s", s.Username, s.TenantID, s.RefreshToken)
	}
	if text := fmt.Sprintf("%v %+v %#v", s, s, s); strings.Contains(text, "refresh-4") || strings.Contains(text, "token-4") {
		t.Errorf("printed %s", text)
	}
	c, err := NewSession(a.options(), s, "presencebridge setup")
	if err != nil {
		t.Fatal(err)
	}
	mustToken(t, c, "token-5")
}

func TestDeviceCodeThatFails(t *testing.T) {
	for oauth, code := range map[string]int{"authorization_declined": 70017, "expired_token": 70020, "bad_verification_code": 70018, "invalid_client": 7000218} {
		a := newAuthority(t)
		a.refuse(code, oauth)
		_, err := DeviceCode(t.Context(), a.options(), []string{defaultScope}, func(Prompt) {})
		s, ok := errors.AsType[*graph.SignInError](err)
		if !ok || s.AADSTS != code || !s.Permanent || s.Advice == "" {
			t.Errorf("%s: %v", oauth, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	a := newAuthority(t)
	a.refuse(70016, "authorization_pending")
	_, err := DeviceCode(ctx, a.options(), []string{defaultScope}, func(Prompt) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a command that is interrupted: %v", err)
	}
}

func TestAPublicClientNeedsNoProof(t *testing.T) {
	a := newAuthority(t)
	a.answerWith(func(f url.Values) (int, string) {
		if f.Has("client_secret") || f.Has("client_assertion") {
			return 401, refusalBody(700025, "invalid_client")
		}
		return 200, `{"access_token":"token-p","expires_in":3600,"refresh_token":"refresh-p"}`
	})
	o := a.options()
	o.Secret, o.Public = nil, true
	s, err := DeviceCode(t.Context(), o, []string{defaultScope}, func(Prompt) {})
	if err != nil || s.RefreshToken != "refresh-p" || s.Username != "" {
		t.Errorf("%v, %v", s, err)
	}
}

// Whatever the authority sends, reading who it was does not fall over.
func FuzzWho(f *testing.F) {
	f.Add("e30." + encode(map[string]string{"preferred_username": username, "tid": tenantID}) + ".x")
	f.Add("a.b.c")
	f.Add("..")
	f.Fuzz(func(t *testing.T, token string) {
		name, tenant := issued{ID: token}.who()
		if again, same := (issued{ID: token}).who(); again != name || same != tenant || strings.ToLower(tenant) != tenant {
			t.Errorf("%q %q, then %q %q", name, tenant, again, same)
		}
	})
}
