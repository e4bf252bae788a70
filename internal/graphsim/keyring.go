package graphsim

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/hex"
	"math/big"
	"slices"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// keyring holds the keys that Entra ID signs with. The first signs; a few older
// ones stay published, so that what they signed can still be checked.
type keyring struct {
	mu     sync.Mutex
	keys   []signingKey
	secret [32]byte // seals refresh tokens
	rolled time.Time

	// A tenant and an app that are not ours, for items of strangers.
	foreignTenant, foreignApp string
	// stranger signs what Entra ID did not; made when first needed.
	stranger     *rsa.PrivateKey
	makeStranger sync.Once
}

type signingKey struct {
	kid string
	rsa *rsa.PrivateKey
}

// keysPublished is how many keys the key endpoint shows.
const keysPublished = 3

func newKeyring(foreign *dice) *keyring {
	k := &keyring{keys: []signingKey{newSigningKey()}, rolled: time.Now(), foreignTenant: foreign.guid(), foreignApp: foreign.guid()}
	rand.Read(k.secret[:])
	return k
}

func newSigningKey() signingKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err) // the system has no randomness
	}
	var kid [20]byte
	rand.Read(kid[:])
	return signingKey{base64.RawURLEncoding.EncodeToString(kid[:]), key}
}

// RollKeys replaces the signing key at once; the older ones stay published.
func (s *Simulator) RollKeys() {
	s.keys.roll()
	s.forgetValidationTokens()
}

func (k *keyring) roll() {
	fresh := newSigningKey() // outside the lock: it takes a while
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys = slices.Insert(k.keys, 0, fresh)
	k.keys = k.keys[:min(len(k.keys), keysPublished)]
	k.rolled = time.Now()
}

func (k *keyring) strangerKey() *rsa.PrivateKey {
	k.makeStranger.Do(func() { k.stranger = newSigningKey().rsa })
	return k.stranger
}

// rollDue tells when the next roll is due, every being the time between two. A roll
// that is due now is taken as begun.
func (k *keyring) rollDue(every time.Duration, now time.Time) (due bool, next time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if due = now.Sub(k.rolled) >= every; due {
		k.rolled = now
	}
	return due, k.rolled.Add(every)
}

func (k *keyring) current() signingKey {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.keys[0]
}

func (k *keyring) find(kid string) *rsa.PublicKey {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, key := range k.keys {
		if key.kid == kid {
			return &key.rsa.PublicKey
		}
	}
	return nil
}

// published is the body of the key endpoint. issuer is left out when empty, as the
// older endpoint does.
func (k *keyring) published(issuer string) object {
	k.mu.Lock()
	defer k.mu.Unlock()
	list := []object{}
	for _, key := range k.keys {
		e := big.NewInt(int64(key.rsa.E)).Bytes()
		jwk := object{
			"kty": "RSA", "use": "sig", "kid": key.kid, "x5t": key.kid,
			"n": base64.RawURLEncoding.EncodeToString(key.rsa.N.Bytes()), "e": base64.RawURLEncoding.EncodeToString(e),
		}
		if issuer != "" {
			jwk["issuer"] = issuer
		}
		list = append(list, jwk)
	}
	return object{"keys": list}
}

// sign gives an RS256 JWT.
func (k signingKey) sign(claims jwt.MapClaims) string {
	t := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	t.Header["kid"], t.Header["x5t"] = k.kid, k.kid
	signed, err := t.SignedString(k.rsa)
	if err != nil {
		panic(err) // claims that are no JSON
	}
	return signed
}

// tokenTimes are the claims of a life that began now and ends on a whole second.
func tokenTimes(c jwt.MapClaims, now time.Time, life time.Duration) time.Time {
	end := now.Add(life)
	if whole := end.Truncate(time.Second); whole.Before(end) {
		end = whole.Add(time.Second)
	}
	c["iat"], c["nbf"], c["exp"] = now.Unix(), now.Unix(), end.Unix()
	return end
}

func randomHex(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return hex.EncodeToString(b)
}
