package notification

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Publisher is the app id of Microsoft Graph Change Tracking, which must have
// asked for every validation token.
const Publisher = "0bf30f3b-4a52-48df-9a82-234910c4a086"

const (
	skew          = 5 * time.Minute
	maxTokenBytes = 16 << 10
)

// TokensOptions of [NewTokens].
type TokensOptions struct {
	// Authority is where keys and issuers come from, https, e.g.
	// https://login.microsoftonline.com.
	Authority string
	HTTP      *http.Client     // nil: http.DefaultClient
	Now       func() time.Time // nil: time.Now
	Log       *slog.Logger     // nil: slog.Default
}

// Tokens verifies validation tokens. Source: Graph, "change notifications that
// include resource data", validate the authenticity of notifications.
type Tokens struct {
	keys     map[string]*keySet // ver -> keys and issuer
	now      func() time.Time
	verdicts verdicts
}

// NewTokens makes a verifier without keys; they are fetched on first need or
// by [Tokens.Warm].
func NewTokens(o TokensOptions) *Tokens {
	authority := strings.TrimSuffix(o.Authority, "/")
	if o.HTTP == nil {
		o.HTTP = http.DefaultClient
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	client := *o.HTTP
	// Key documents stay on the authority's host; a redirect is an error.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	set := func(path string) *keySet {
		s := &keySet{document: authority + path, client: &client, now: o.Now, log: o.Log, unknown: map[string]time.Time{}}
		if u, err := url.Parse(authority); err == nil {
			s.authority = u.Host
		}
		return s
	}
	return &Tokens{
		keys: map[string]*keySet{
			"1.0": set("/common/.well-known/openid-configuration"),
			"2.0": set("/common/v2.0/.well-known/openid-configuration"),
		},
		now:      o.Now,
		verdicts: verdicts{good: map[[32]byte]verdict{}},
	}
}

// Warm fetches the signing keys unless they are there and less than a day old:
// for the start and for readiness. It takes at most 2 s per version of the
// endpoint. Keys for v1 tokens are taken along; whoever lacks them gets none of
// those tokens, so only the v2 endpoint decides the error.
func (t *Tokens) Warm(ctx context.Context) error {
	err := t.keys["2.0"].warm(ctx)
	_ = t.keys["1.0"].warm(ctx) // logged there, and tried again with the first v1 token
	return err
}

// Ready reports whether signing keys were ever fetched. Without any, every token
// is undecided, whoever sends it.
func (t *Tokens) Ready() bool { return t.keys["2.0"].ready() }

type claims struct {
	jwt.RegisteredClaims
	Tenant  string `json:"tid"`
	Version string `json:"ver"`
	AZP     string `json:"azp"`
	AppID   string `json:"appid"`
}

// publisher names the claim by version: a v1 token has no azp.
func (c *claims) publisher() string {
	if c.Version == "1.0" {
		return c.AppID
	}
	return c.AZP
}

var parser = jwt.NewParser()

// verify judges a token for these tenants (id -> client id). What is cheap and
// never makes us fetch is checked before issuer and signature.
func (t *Tokens) verify(ctx context.Context, raw string, tenants map[string]string) verdict {
	now := t.now()
	if v, ok := t.verdicts.get(raw, now); ok {
		v.refused = forUs(v, tenants)
		return v
	}
	var c claims
	if len(raw) > maxTokenBytes {
		return verdict{refused: ReasonTokenMalformed}
	}
	token, _, err := parser.ParseUnverified(raw, &c)
	v := verdict{tenant: strings.ToLower(c.Tenant)}
	if len(c.Audience) == 1 {
		v.audience = c.Audience[0]
	}
	switch {
	case errors.Is(err, jwt.ErrTokenUnverifiable):
		v.refused = ReasonTokenAlgorithm
		return v
	case err != nil:
		return verdict{refused: ReasonTokenMalformed}
	}
	if v.refused = t.checkClaims(token, &c, now); v.refused != "" {
		return v
	}
	if v.refused = forUs(v, tenants); v.refused != "" {
		return v
	}
	return t.checkSignature(ctx, raw, token, &c, v)
}

func (t *Tokens) checkClaims(token *jwt.Token, c *claims, now time.Time) Reason {
	if token.Method != jwt.SigningMethodRS256 {
		return ReasonTokenAlgorithm
	}
	if _, ok := token.Header["crit"]; ok { // RFC 7515, 4.1.11: we understand no extension
		return ReasonTokenMalformed
	}
	switch {
	case t.keys[c.Version] == nil:
		return ReasonTokenVersion
	case c.Tenant == "":
		return ReasonTokenIssuer
	case c.publisher() != Publisher:
		return ReasonTokenPublisher
	case c.ExpiresAt == nil || !now.Before(c.ExpiresAt.Add(skew)):
		return ReasonTokenExpired
	case c.NotBefore != nil && now.Before(c.NotBefore.Add(-skew)):
		return ReasonTokenNotYetValid
	}
	return ""
}

func forUs(v verdict, tenants map[string]string) Reason {
	client, ok := tenants[v.tenant]
	switch {
	case !ok:
		return ReasonTokenTenant
	case !strings.EqualFold(v.audience, client):
		return ReasonTokenAudience
	}
	return ""
}

func (t *Tokens) checkSignature(ctx context.Context, raw string, token *jwt.Token, c *claims, v verdict) verdict {
	kid, _ := token.Header["kid"].(string)
	if kid == "" || len(kid) > 256 {
		v.refused = ReasonTokenMalformed
		return v
	}
	keys := t.keys[c.Version]
	key, decided := keys.find(ctx, kid)
	switch {
	case key == nil && !decided:
		v.undecided = true
		return v
	case key == nil:
		v.refused = ReasonTokenUnknownKey
		return v
	case c.Issuer != keys.issuerOf(c.Tenant):
		v.refused = ReasonTokenIssuer
		return v
	}
	signed := raw[:strings.LastIndexByte(raw, '.')]
	if err := token.Method.Verify(signed, token.Signature, key); err != nil {
		v.refused = ReasonTokenSignature
		return v
	}
	v.expires = c.ExpiresAt.Add(skew)
	t.verdicts.put(raw, v, t.now())
	return v
}
