package graph

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// AccountKey names a service user's slot wherever a short, safe and stable
// token is needed: client states, subjects, metrics. 16 lower-case hex digits.
func AccountKey(tenantID, username string) string {
	sum := sha256.Sum256([]byte(strings.ToLower(tenantID) + "\x00" + strings.ToLower(username)))
	return hex.EncodeToString(sum[:8])
}

// ClientStates issues and checks client states. They are derived, not stored:
// whoever holds the secret can check one without a look-up, also after a
// restart, although Graph never tells it again.
type ClientStates struct{ secret []byte }

// NewClientStates takes the sealed secret, at least 32 bytes.
func NewClientStates(secret []byte) ClientStates { return ClientStates{secret: secret} }

// Issue gives the client state of a slot: 60 characters, far below Graph's 128.
func (c ClientStates) Issue(tenantID, slot string) string {
	return slot + "." + base64.RawURLEncoding.EncodeToString(c.mac(tenantID, slot))
}

// Slot gives back the slot of a client state that we issued for this tenant.
// The comparison takes the same time wherever the texts differ.
func (c ClientStates) Slot(tenantID, clientState string) (slot string, ok bool) {
	slot, _, found := strings.Cut(clientState, ".")
	if !found || len(clientState) > 128 {
		return "", false
	}
	if !hmac.Equal([]byte(clientState), []byte(c.Issue(tenantID, slot))) {
		return "", false
	}
	return slot, true
}

func (c ClientStates) mac(tenantID, slot string) []byte {
	m := hmac.New(sha256.New, c.secret)
	m.Write([]byte("presence-bridge client state v1\x00" + strings.ToLower(tenantID) + "\x00" + slot))
	return m.Sum(nil)
}
