package graphsim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// refreshToken is what a refresh token says to its issuer. It is sealed rather
// than stored, so any number of them costs nothing.
type refreshToken struct {
	User   string
	App    string
	Issued int64 // Unix nanoseconds
	ID     string
}

// refreshLife is how long one lives unused.
const refreshLife = 90 * 24 * time.Hour

func (s *Simulator) sealRefresh(t refreshToken) string {
	b, err := json.Marshal(t)
	if err != nil {
		panic(err) // strings and numbers
	}
	return "1." + base64.RawURLEncoding.EncodeToString(b) + "." + base64.RawURLEncoding.EncodeToString(s.refreshMAC(b))
}

func (s *Simulator) refreshMAC(b []byte) []byte {
	m := hmac.New(sha256.New, s.keys.secret[:])
	m.Write(b)
	return m.Sum(nil)
}

func (s *Simulator) openRefresh(text string) (t refreshToken, ok bool) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 || parts[0] != "1" {
		return t, false
	}
	b, err1 := base64.RawURLEncoding.DecodeString(parts[1])
	mac, err2 := base64.RawURLEncoding.DecodeString(parts[2])
	if err1 != nil || err2 != nil || !hmac.Equal(mac, s.refreshMAC(b)) {
		return t, false
	}
	return t, json.Unmarshal(b, &t) == nil
}

// refreshGrant gives new tokens for an old refresh token, which stays good.
func (s *Simulator) refreshGrant(g grant) (o object, who string, code int) {
	t, ok := s.openRefresh(g.form.Get("refresh_token"))
	if !ok || !strings.EqualFold(t.App, g.app.ID) {
		return nil, "", 70008
	}
	a, code := s.checkRefresh(t)
	if code != 0 {
		return nil, t.User, code
	}
	o, code = s.userAnswer(g, a)
	return o, t.User, code
}

func (s *Simulator) checkRefresh(t refreshToken) (Account, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if code := s.faultOf(t.User); code != 0 {
		return Account{}, code
	}
	a := s.account(t.User)
	issued := time.Unix(0, t.Issued)
	switch {
	case a == nil:
		return Account{}, 50034
	case a.Disabled:
		return Account{}, 50057
	case !issued.After(s.signInState(a).revoked):
		return Account{}, 50173
	case time.Since(issued) > s.scaled(refreshLife):
		return Account{}, 700082
	}
	return *a, 0
}
