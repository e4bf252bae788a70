package signin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"jtel.de/presencebridge/internal/graph"
)

// Prompt is what somebody has to do in a browser, anywhere.
type Prompt struct {
	Address string // where to go
	Code    string // what to type there
	Ends    time.Time
}

// SignedIn is what a sign-in by device code brought.
type SignedIn struct {
	Username     string // who it was; empty if Entra ID did not say
	TenantID     string
	RefreshToken string

	access azcore.AccessToken
}

// Format shows who it was and no token, whatever the verb.
func (s SignedIn) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "sign-in of %s", s.Username) }

// DeviceCode lets somebody sign in with a browser elsewhere, with whatever
// Entra ID demands: password, MFA, a key. It shows the prompt and waits until
// that is done, declined or too late. Errors are *graph.SignInError.
// Source: RFC 8628; Entra ID, "device authorization grant".
func DeviceCode(ctx context.Context, o Options, scopes []string, show func(Prompt)) (SignedIn, error) {
	const who = "by device code"
	if err := o.check(); err != nil {
		return SignedIn{}, fmt.Errorf("sign in %s: %w", who, err)
	}
	all := withMarks(scopes)
	var d struct {
		Code     string `json:"device_code"`
		UserCode string `json:"user_code"`
		Address  string `json:"verification_uri"`
		Life     int    `json:"expires_in"`
		Interval int    `json:"interval"`
	}
	began := time.Now()
	err := o.post(ctx, "devicecode", url.Values{"scope": {all}}, &d)
	if err == nil && (d.Code == "" || d.UserCode == "" || d.Address == "") {
		err = errNotUnderstood
	}
	if err != nil {
		return SignedIn{}, describe(who, err)
	}
	ends := began.Add(time.Duration(d.Life) * time.Second)
	show(Prompt{d.Address, d.UserCode, ends})
	form := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {d.Code}, "scope": {all}}
	i, err := o.poll(ctx, form, cmp.Or(o.PollEvery, time.Duration(max(1, d.Interval))*time.Second), ends)
	if err != nil {
		return SignedIn{}, describe(who, err)
	}
	s := SignedIn{RefreshToken: i.Refresh, access: i.token()}
	s.Username, s.TenantID = i.who()
	return s, nil
}

// withMarks asks for a refresh token and for who it is, too.
func withMarks(scopes []string) string {
	return strings.Join(append(slices.Clone(scopes), "offline_access", "openid", "profile"), " ")
}

// poll asks until the answer is another one than "pending". A network that is
// away for a moment is no reason to send somebody back to the browser.
func (o Options) poll(ctx context.Context, form url.Values, every time.Duration, ends time.Time) (issued, error) {
	for {
		timer := time.NewTimer(every)
		select {
		case <-ctx.Done():
			timer.Stop()
			return issued{}, ctx.Err()
		case <-timer.C:
		}
		i, err := o.tokens(ctx, form)
		if err == nil {
			return i, nil
		}
		late := !time.Now().Before(ends)
		r, answered := errors.AsType[*refusedRequest](err)
		switch {
		case answered && r.answer.Error == "slow_down":
			every += 5 * time.Second
		case answered && r.answer.Error == "authorization_pending", graph.Classify(describe("", err)) == graph.Transient:
		default:
			return issued{}, err
		}
		if late {
			return issued{}, &refusedRequest{answer{status: 400, Error: "expired_token", Codes: []int{70020}}}
		}
	}
}
