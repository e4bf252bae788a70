package signin

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"slices"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"jtel.de/presencebridge/internal/graph"
)

// Keeper keeps the refresh token of a service user who signed in by device code.
type Keeper interface {
	// RefreshToken is an error that is fs.ErrNotExist when nobody has signed in.
	RefreshToken(ctx context.Context) (string, error)
	// Rotated replaces the token from, which was used, by the one that came for it.
	Rotated(ctx context.Context, from, to string) error
}

// NewDevice is a service user whom somebody signed in with [DeviceCode]: no
// password is known here, the kept refresh token is redeemed for each token.
// again is the command that signs the service user in again.
func NewDevice(o Options, username string, kept Keeper, again string) (*Credential, error) {
	err := o.check()
	if err == nil && (username == "" || kept == nil) {
		err = errors.New("a user name and a place for the refresh token are both needed")
	}
	if err != nil {
		return nil, fmt.Errorf("credential of a service user of app %s: %w", o.ClientID, err)
	}
	return newCredential(username, &device{o, username, kept, again}, o), nil
}

// NewSession goes on with a sign-in for as long as its user works; nothing is
// kept of it.
func NewSession(o Options, s SignedIn, again string) (*Credential, error) {
	return NewDevice(o, s.Username, &session{s.RefreshToken}, again)
}

// session is a Keeper that forgets. Its Credential guards it.
type session struct{ token string }

func (s *session) RefreshToken(context.Context) (string, error) {
	if s.token == "" {
		return "", fmt.Errorf("no refresh token came: %w", fs.ErrNotExist)
	}
	return s.token, nil
}

func (s *session) Rotated(_ context.Context, _, to string) error {
	s.token = to
	return nil
}

// device is guarded by its Credential: one sign-in at a time.
type device struct {
	Options
	name  string
	kept  Keeper
	again string
}

func (d *device) issue(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	from, err := d.kept.RefreshToken(ctx)
	if err != nil {
		return azcore.AccessToken{}, d.unkept(ctx, err)
	}
	form := url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {from},
		"scope": {withMarks(o.Scopes)},
	}
	if claims := wanted(o); claims != "" {
		form.Set("claims", claims)
	}
	i, err := d.tokens(ctx, form)
	if err != nil {
		return azcore.AccessToken{}, d.refused(err)
	}
	// Also when the same one came back: its 90 days begin anew.
	if err := d.kept.Rotated(ctx, from, cmp.Or(i.Refresh, from)); err != nil {
		// The former one lives on: nothing is lost yet.
		d.warn("the new refresh token could not be kept, the former one is used on", err)
	}
	return i.token(), nil
}

func (d *device) warn(message string, err error) {
	if d.Log != nil {
		d.Log.Warn(message, "error", err)
	}
}

// unkept is a refresh token that cannot be had. Entra ID was not asked.
func (d *device) unkept(ctx context.Context, err error) error {
	s := &graph.SignInError{Who: d.name, Err: err, Permanent: ctx.Err() == nil}
	s.Meaning, s.Advice = "the kept sign-in cannot be read: "+err.Error(), "correct that, or sign the service user in again: "+d.again
	if errors.Is(err, fs.ErrNotExist) {
		s.Meaning, s.Advice = "nobody has signed this service user in yet", "do it in a browser: "+d.again
	}
	return s
}

// signInAgain are the refusals of a refresh token that a new sign-in lifts.
var signInAgain = []int{50173, 700082, 70008, 70043, 50076, 50079, 50074, 50078, 50132, 50133}

// refused says who has to sign in, and where.
func (d *device) refused(err error) error {
	s := describe(d.name, err)
	code, known := lookUp(s.AADSTS)
	switch {
	case !s.Permanent:
	case s.AADSTS == 70043:
		s.Advice = "exclude the service user from the sign-in frequency policy, and sign it in again: " + d.again
	case slices.Contains(signInAgain, s.AADSTS), !known && s.OAuth == "invalid_grant", s.OAuth == "interaction_required":
		if known {
			s.Meaning = code.text
		}
		s.Advice = "sign the service user in again, in a browser: " + d.again
	}
	return s
}

// wanted are the claims to ask for: that we understand challenges of Graph
// (continuous access evaluation), and what the last one demanded.
func wanted(o policy.TokenRequestOptions) string {
	claims := map[string]map[string]any{}
	if o.Claims != "" && json.Unmarshal([]byte(o.Claims), &claims) != nil {
		return o.Claims // not ours to judge
	}
	if o.EnableCAE {
		if claims["access_token"] == nil {
			claims["access_token"] = map[string]any{}
		}
		claims["access_token"]["xms_cc"] = map[string][]string{"values": {"CP1"}}
	}
	if len(claims) == 0 {
		return ""
	}
	b, err := json.Marshal(claims)
	if err != nil {
		return o.Claims
	}
	return string(b)
}
