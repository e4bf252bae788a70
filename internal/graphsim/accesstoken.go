package graphsim

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// identity is who calls Graph.
type identity struct {
	app           string
	user          string // user principal name; empty for the app itself
	oid           string // object id of the user
	ends          time.Time
	scopes, roles []string
	administrator bool
}

func (i identity) name() string {
	if i.user != "" {
		return i.user
	}
	return i.app
}

// may reports whether the token carries one of the permissions in the right form:
// delegated for a user's token, application for the app's.
func (i identity) may(permissions ...string) bool {
	have := i.roles
	if i.user != "" {
		have = i.scopes
	}
	return slices.ContainsFunc(permissions, func(p string) bool { return slices.Contains(have, p) })
}

// accessClaims are the claims of our access tokens that Graph looks at.
type accessClaims struct {
	jwt.RegisteredClaims
	AppID string   `json:"appid"`
	TID   string   `json:"tid"`
	OID   string   `json:"oid"`
	UPN   string   `json:"upn"`
	Scope string   `json:"scp"`
	Roles []string `json:"roles"`
}

// ordinaryMember is the role template that every member of a tenant has.
const ordinaryMember = "b79fbf4d-3ef9-4689-8143-76b194e85509"

// accessToken issues a token for Graph: the user's, or the app's without one.
func (s *Simulator) accessToken(g grant, a *Account, permissions []string) (string, time.Time) {
	tenant, life := s.tenantID(), s.scaled(s.Faults().tokenLife())
	claims := jwt.MapClaims{
		"aud": "https://graph.microsoft.com", "iss": stsIssuer(tenant), "tid": tenant, "ver": "1.0",
		"appid": g.app.ID, "app_displayname": g.app.DisplayName, "uti": randomHex(12),
	}
	if a != nil {
		claims["idtyp"], claims["oid"], claims["sub"] = "user", a.ID, a.ID
		claims["upn"], claims["unique_name"], claims["name"] = a.Username, a.Username, a.DisplayName
		claims["scp"] = strings.Join(permissions, " ")
		claims["wids"] = append(slices.Clone(a.DirectoryRoles), ordinaryMember)
	} else {
		claims["idtyp"], claims["oid"], claims["sub"] = "app", g.app.ObjectID, g.app.ObjectID
		claims["roles"] = permissions
	}
	end := tokenTimes(claims, time.Now(), life)
	return s.keys.current().sign(claims), end
}

// identify checks the bearer token of a Graph request.
func (s *Simulator) identify(r *http.Request) (identity, error) {
	refused := func(message string) (identity, error) {
		return identity{}, &graphError{status: http.StatusUnauthorized, code: "InvalidAuthenticationToken", message: message}
	}
	scheme, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || text == "" {
		return refused("Access token is empty.")
	}
	var c accessClaims
	_, err := jwt.ParseWithClaims(text, &c, func(t *jwt.Token) (any, error) {
		kid, _ := t.Header["kid"].(string)
		if key := s.keys.find(kid); key != nil {
			return key, nil
		}
		return nil, errors.New("key unknown")
	}, jwt.WithValidMethods([]string{"RS256"}), jwt.WithExpirationRequired())
	switch {
	case errors.Is(err, jwt.ErrTokenExpired), errors.Is(err, jwt.ErrTokenNotValidYet):
		return refused("Access token has expired or is not yet valid.")
	case errors.Is(err, jwt.ErrTokenMalformed):
		return refused("CompactToken parsing failed with error code: 80049217")
	case err != nil:
		return refused("CompactToken validation failed with reason code: 80049228.")
	case !slices.Contains(c.Audience, "https://graph.microsoft.com"):
		return refused("Access token validation failure. Invalid audience.")
	case c.TID != s.tenantID():
		return refused("Access token validation failure. Invalid tenant.")
	}
	s.mu.Lock()
	administrator := s.administrator(c.UPN) != nil
	s.mu.Unlock()
	return identity{administrator: administrator, app: c.AppID, user: c.UPN, oid: c.OID, ends: c.ExpiresAt.Time, scopes: strings.Fields(c.Scope), roles: c.Roles}, nil
}
