package graphsim

import (
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/golang-jwt/jwt/v5"
)

// signInState is what sign-in remembers of an account.
type signInState struct {
	wrong       int // wrong passwords in a row
	lockedUntil time.Time
	revoked     time.Time // refresh tokens issued before are void
}

// After so many wrong passwords in a row an account is locked for a minute.
const lockAfter, lockFor = 10, time.Minute

// account finds a service user or an administrator by name; the caller holds mu.
func (s *Simulator) account(upn string) *Account {
	for i := range s.tenant.Accounts {
		if strings.EqualFold(s.tenant.Accounts[i].Username, upn) {
			return &s.tenant.Accounts[i]
		}
	}
	return s.administrator(upn)
}

// signInState is never nil; the caller holds mu.
func (s *Simulator) signInState(a *Account) *signInState {
	key := strings.ToLower(a.Username)
	if s.accounts[key] == nil {
		s.accounts[key] = &signInState{}
	}
	return s.accounts[key]
}

// Revoke ends an account's sessions: refresh tokens issued until now are void.
func (s *Simulator) Revoke(username string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.account(username); a != nil {
		s.signInState(a).revoked = time.Now()
	}
}

func (s *Simulator) passwordGrant(g grant) (object, int) {
	a, code := s.checkPassword(g.form.Get("username"), g.form.Get("password"))
	if code != 0 {
		return nil, code
	}
	return s.userAnswer(g, a)
}

func (s *Simulator) checkPassword(upn, password string) (Account, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if code := s.faultOf(upn); code != 0 {
		return Account{}, code
	}
	a := s.account(upn)
	if a == nil {
		return Account{}, 50034
	}
	st, now := s.signInState(a), time.Now()
	switch {
	case now.Before(st.lockedUntil):
		return Account{}, 50053
	case a.Password == "" || a.Federated:
		return Account{}, 50056
	case password != a.Password:
		if st.wrong++; st.wrong >= lockAfter {
			st.wrong, st.lockedUntil = 0, now.Add(s.scaled(lockFor))
		}
		return Account{}, 50126
	}
	st.wrong = 0
	switch {
	case a.Disabled:
		return Account{}, 50057
	case a.PasswordExpired:
		return Account{}, 50055
	case a.MFA:
		return Account{}, 50076
	}
	return *a, 0
}

// faultOf is the code switched on for a user; the caller holds mu.
func (s *Simulator) faultOf(upn string) int {
	for name, code := range s.faults.SignIn {
		if strings.EqualFold(name, upn) {
			return code
		}
	}
	return 0
}

// userAnswer issues a user's tokens.
func (s *Simulator) userAnswer(g grant, a Account) (object, int) {
	permissions, marks, ok := s.scopes(g.form.Get("scope"))
	if !ok {
		return nil, 70011
	}
	granted, told := g.app.Scopes, []string{".default"}
	if len(granted) == 0 {
		return nil, 65001
	}
	if permissions[0] != ".default" {
		if len(without(permissions, granted)) > 0 {
			return nil, 65001
		}
		granted, told = permissions, nil
	}
	token, end := s.accessToken(g, &a, granted)
	o := s.tokenAnswer(token, end, append(told, granted...))
	tenant := s.tenantID()
	if marks["offline_access"] {
		o["refresh_token"] = s.sealRefresh(refreshToken{User: a.Username, App: g.app.ID, Issued: time.Now().UnixNano(), ID: randomHex(8)})
	}
	if marks["openid"] {
		claims := jwt.MapClaims{
			"aud": g.app.ID, "iss": aadIssuer(tenant), "tid": tenant, "oid": a.ID, "sub": a.ID, "ver": "2.0",
			"preferred_username": a.Username, "name": a.DisplayName,
		}
		tokenTimes(claims, time.Now(), time.Until(end))
		o["id_token"] = s.keys.current().sign(claims)
	}
	if g.form.Get("client_info") == "1" {
		info, err := json.Marshal(object{"uid": a.ID, "utid": tenant})
		if err != nil {
			panic(err) // two strings
		}
		o["client_info"] = base64.RawURLEncoding.EncodeToString(info)
	}
	return o, 0
}

// without gives the elements of list that are not in other.
func without(list, other []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(other, s) })
}
