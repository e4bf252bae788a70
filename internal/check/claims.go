package check

import (
	"encoding/base64"
	"strings"

	"github.com/go-json-experiment/json"
)

// claims are what we look at in an access token for Graph. Microsoft calls these
// tokens opaque; when one cannot be read, that is said and the calls decide.
type claims struct {
	Roles  []string `json:"roles"` // application permissions
	Scope  string   `json:"scp"`   // delegated ones
	Wids   []string `json:"wids"`  // directory roles of the user, by template
	UserID string   `json:"oid"`
	read   bool
}

func (c claims) scopes() []string { return strings.Fields(c.Scope) }

func readClaims(token string) (c claims) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return c
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(payload, &c) != nil {
		return claims{}
	}
	c.read = true
	return c
}
