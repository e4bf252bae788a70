package signin

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
)

// MSAL's confidential client knows no device code, and takes no refresh token
// but from its own cache. So these two grants are requests of ours.

// issued is a successful answer of the token endpoint. Source: RFC 6749 §5.1
// and Entra ID, "device authorization grant".
type issued struct {
	Access    string `json:"access_token"`
	Refresh   string `json:"refresh_token"`
	ID        string `json:"id_token"`
	ExpiresIn int    `json:"expires_in"`
	RefreshIn int    `json:"refresh_in"`

	at time.Time
}

func (i issued) token() azcore.AccessToken {
	t := azcore.AccessToken{Token: i.Access, ExpiresOn: i.at.Add(time.Duration(i.ExpiresIn) * time.Second).UTC()}
	if i.RefreshIn > 0 {
		t.RefreshOn = i.at.Add(time.Duration(i.RefreshIn) * time.Second).UTC()
	}
	return t
}

// refusedRequest is an answer of Entra ID to a request of ours. Its text is
// made by describe.
type refusedRequest struct{ answer answer }

func (r *refusedRequest) Error() string {
	return fmt.Sprintf("entra answered %d %s", r.answer.status, r.answer.Error)
}

// noSecretWanted is how Entra ID refuses a secret of an app that is a public client.
const noSecretWanted = 700025

// post sends a form to the tenant's endpoint and reads what it answers into
// into. The app proves itself, unless it has nothing to prove.
func (o Options) post(ctx context.Context, endpoint string, form url.Values, into any) error {
	target := strings.TrimSuffix(o.Authority, "/") + "/" + url.PathEscape(o.TenantID) + "/oauth2/v2.0/" + endpoint
	form.Set("client_id", o.ClientID)
	proves := endpoint == "token" && !o.Public
	if proves {
		p, err := o.readProof()
		if err == nil {
			err = p.add(form, target)
		}
		if err != nil {
			return err
		}
	}
	err := o.send(ctx, target, form, into)
	if r, ok := errors.AsType[*refusedRequest](err); ok && proves && r.answer.code() == noSecretWanted {
		for _, name := range []string{"client_secret", "client_assertion", "client_assertion_type"} {
			form.Del(name)
		}
		err = o.send(ctx, target, form, into)
	}
	return err
}

func (o Options) send(ctx context.Context, target string, form url.Values, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(form.Encode()))
	if err != nil {
		return errors.New("the address of the authority is not one") // the cause repeats it
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	res, err := o.HTTP.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return &url.Error{Op: "Post", URL: "the authority", Err: err}
	}
	if res.StatusCode != http.StatusOK {
		a := answer{}
		if json.Unmarshal(body, &a) != nil {
			a = answer{} // a proxy's page
		}
		a.status = res.StatusCode
		return &refusedRequest{a}
	}
	if json.Unmarshal(body, into) != nil {
		return errNotUnderstood // the cause would quote a token
	}
	return nil
}

var errNotUnderstood = errors.New("the answer was not understood")

// tokens asks the token endpoint.
func (o Options) tokens(ctx context.Context, form url.Values) (issued, error) {
	i := issued{at: time.Now()}
	if err := o.post(ctx, "token", form, &i); err != nil {
		return issued{}, err
	}
	if i.Access == "" || i.ExpiresIn <= 0 {
		return issued{}, errNotUnderstood
	}
	return i, nil
}

// who says whom the id token names. Its signature is not looked at: it came
// from the authority itself, over TLS (OpenID Connect Core §3.1.3.7, 6).
func (i issued) who() (username, tenantID string) {
	parts := strings.Split(i.ID, ".")
	if len(parts) != 3 {
		return "", ""
	}
	var claims struct {
		Username string `json:"preferred_username"`
		TenantID string `json:"tid"`
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(b, &claims) != nil {
		return "", ""
	}
	return claims.Username, strings.ToLower(claims.TenantID)
}
