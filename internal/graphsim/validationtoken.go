package graphsim

import (
	"crypto/x509"
	"encoding/pem"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/golang-jwt/jwt/v5"
)

// changeTracking is the app id of the service that sends notifications.
const changeTracking = "0bf30f3b-4a52-48df-9a82-234910c4a086"

const validationLife = 24 * time.Hour

// audience is what one validation token is for.
type audience struct{ app, tenant string }

type cachedToken struct {
	text  string
	fresh time.Time // until when it is used again
}

// validationTokens is the JSON of the tokens for some audiences, or null.
func (s *Simulator) validationTokens(audiences map[audience]bool) jsontext.Value {
	s.mu.Lock()
	form := s.faults.ValidationTokens
	if s.tenant.App.AssignmentRequired {
		form = "null"
	}
	s.mu.Unlock()
	if form == "null" {
		return jsontext.Value("null")
	}
	var list []string
	for a := range audiences {
		list = append(list, s.validationToken(form, a))
	}
	slices.Sort(list) // no order is promised, but tests like one
	b, err := json.Marshal(list)
	if err != nil {
		panic(err) // strings
	}
	return b
}

// validationToken is used for a while, since signing costs a millisecond.
func (s *Simulator) validationToken(form string, a audience) string {
	key := form + " " + a.app + " " + a.tenant
	now := time.Now()
	s.mu.Lock()
	cached := s.tokens[key]
	s.mu.Unlock()
	if now.Before(cached.fresh) {
		return cached.text
	}
	text := s.mintValidation(form, a, now)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[key] = cachedToken{text, now.Add(s.scaled(validationLife) / 20)}
	return text
}

func (s *Simulator) forgetValidationTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
}

// mintValidation makes a token, with the one defect that form names.
func (s *Simulator) mintValidation(form string, a audience, now time.Time) string {
	c := jwt.MapClaims{
		"aud": a.app, "iss": aadIssuer(a.tenant), "aio": randomHex(16), "azp": changeTracking, "azpacr": "2",
		"oid": randomHex(16), "rh": randomHex(8), "sub": randomHex(16), "tid": a.tenant, "uti": randomHex(12), "ver": "2.0",
	}
	tokenTimes(c, now, max(s.scaled(validationLife), time.Minute))
	key := s.keys.current()
	switch form {
	case "v1":
		delete(c, "azp")
		delete(c, "azpacr")
		c["iss"], c["appid"], c["appidacr"], c["idp"], c["ver"] = stsIssuer(a.tenant), changeTracking, "2", stsIssuer(a.tenant), "1.0"
	case "wrong-audience":
		c["aud"] = s.keys.foreignApp
	case "wrong-publisher":
		c["azp"] = s.keys.foreignApp
	case "wrong-issuer":
		c["iss"] = "https://login.example.org/" + a.tenant + "/v2.0"
	case "wrong-tenant":
		c["tid"], c["iss"] = s.keys.foreignTenant, aadIssuer(s.keys.foreignTenant)
	case "expired-token":
		tokenTimes(c, now.Add(-25*time.Hour), 24*time.Hour)
	case "future-token":
		tokenTimes(c, now.Add(24*time.Hour), 24*time.Hour)
	case "unknown-kid":
		key.kid = randomHex(20)
	case "wrong-token-signature":
		key = signingKey{key.kid, s.keys.strangerKey()}
	case "alg-none":
		t := jwt.NewWithClaims(jwt.SigningMethodNone, c)
		t.Header["kid"] = key.kid
		return must(t.SignedString(jwt.UnsafeAllowNoneSignatureType))
	case "hs256": // signed with what everybody knows: the public key
		t := jwt.NewWithClaims(jwt.SigningMethodHS256, c)
		t.Header["kid"] = key.kid
		der := must(x509.MarshalPKIXPublicKey(&key.rsa.PublicKey))
		return must(t.SignedString(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})))
	}
	return key.sign(c)
}

// must is for what can only fail by a mistake in this package.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
