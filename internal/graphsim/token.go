package graphsim

import (
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// grant is a request at the token endpoint, its client already known.
type grant struct {
	form   url.Values
	tenant string // as in the path
	app    App
	// public: the client did not prove who it is, and need not.
	public bool
}

// token answers the token endpoint.
func (s *Simulator) token(r *http.Request, tenant string) (status int, body object, who string) {
	g, code := s.readGrant(r, tenant)
	who = g.form.Get("client_id")
	if code == 0 {
		var answer object
		switch g.form.Get("grant_type") {
		case "client_credentials":
			answer, code = s.clientCredentials(g)
		case "password":
			who = g.form.Get("username")
			answer, code = s.passwordGrant(g)
		case "refresh_token":
			answer, who, code = s.refreshGrant(g)
		case "urn:ietf:params:oauth:grant-type:device_code":
			answer, who, code = s.deviceGrant(g)
		default:
			code = grantUnknown
		}
		if code == 0 {
			return http.StatusOK, answer, who
		}
	}
	status, body = s.signInError(code, signInSubject{tenant: tenant, app: g.form.Get("client_id"), user: who})
	return status, body, who
}

// readGrant checks everything that does not depend on the grant.
func (s *Simulator) readGrant(r *http.Request, tenant string) (grant, int) {
	g := grant{tenant: tenant}
	if t, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); t != "application/x-www-form-urlencoded" || r.ParseForm() != nil {
		return g, 900144
	}
	g.form = r.PostForm
	if !s.knowsTenant(tenant) {
		return g, 90002
	}
	id, kind := g.form.Get("client_id"), g.form.Get("grant_type")
	if id == "" || kind == "" {
		return g, 900144
	}
	if t := strings.ToLower(tenant); (t == "common" || t == "consumers") && (kind == "password" || kind == "client_credentials") {
		return g, 9001023
	}
	s.mu.Lock()
	app, known := s.clientOf(id)
	g.app = app
	forced := s.faults.SignIn["*"]
	if forced == 0 {
		forced = s.faults.SignIn[id]
	}
	s.mu.Unlock()
	switch {
	case forced != 0:
		return g, forced
	case !known:
		return g, 700016
	case g.app.Disabled:
		return g, 7000112
	}
	return g, s.authenticateClient(&g)
}

// authenticateClient checks secret or assertion.
func (s *Simulator) authenticateClient(g *grant) int {
	secret, assertion := g.form.Get("client_secret"), g.form.Get("client_assertion")
	known, expired := g.app.takes(secret, time.Now())
	switch {
	case g.app.ID == AdminClient && (secret != "" || assertion != ""):
		return 700025
	case assertion != "":
		return s.checkAssertion(g, assertion)
	case secret == "" && g.app.PublicClient && g.form.Get("grant_type") != "client_credentials":
		g.public = true
		return 0
	case secret == "":
		return 7000218
	case !known:
		return 7000215
	case expired:
		return 7000222
	}
	return 0
}

// graphAudiences are how a scope names Graph. The simulator's own host is one of
// them because libraries derive the scope from the host that they call.
func (s *Simulator) graphAudiences() []string {
	return []string{"https://graph.microsoft.com", "00000003-0000-0000-c000-000000000000", "https://" + s.graphAddr, "https://127.0.0.1"}
}

// scopes splits what is asked for into permissions of Graph and the marks of OpenID.
func (s *Simulator) scopes(asked string) (permissions []string, marks map[string]bool, ok bool) {
	marks = map[string]bool{}
	for _, scope := range strings.Fields(asked) {
		switch scope {
		case "openid", "profile", "email", "offline_access":
			marks[scope] = true
			continue
		}
		if i := strings.LastIndexByte(scope, '/'); i >= 0 {
			if !slices.Contains(s.graphAudiences(), strings.TrimSuffix(scope[:i], "/")) {
				return nil, nil, false
			}
			scope = scope[i+1:]
		}
		permissions = append(permissions, scope)
	}
	return permissions, marks, len(permissions) > 0
}

func (s *Simulator) clientCredentials(g grant) (object, int) {
	permissions, _, ok := s.scopes(g.form.Get("scope")) // libraries add openid and the like, to no effect
	if !ok {
		return nil, 70011
	}
	if !slices.Equal(permissions, []string{".default"}) {
		return nil, scopeNoDefault
	}
	token, end := s.accessToken(g, nil, g.app.Roles)
	return s.tokenAnswer(token, end, nil), 0
}

// tokenAnswer is what all successful grants have in common.
func (s *Simulator) tokenAnswer(token string, end time.Time, scopes []string) object {
	seconds := max(1, int(time.Until(end).Round(time.Second)/time.Second))
	o := object{"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": token}
	if scopes != nil {
		full := make([]string, len(scopes))
		for i, scope := range scopes {
			full[i] = "https://graph.microsoft.com/" + scope
		}
		o["scope"] = strings.Join(full, " ")
	}
	if s.Faults().UnknownMembers {
		o["token_region"] = "EU"
	}
	return o
}
