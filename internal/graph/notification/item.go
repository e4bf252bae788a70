package notification

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Item is one notification, as sent. Times are not read: nothing depends on
// them, and so none of their spellings can spoil an item.
type Item struct {
	ID             string    `json:"id"` // optional, and of the notification
	SubscriptionID string    `json:"subscriptionId"`
	TenantID       string    `json:"tenantId"`
	OrganizationID string    `json:"organizationId"`
	ClientState    string    `json:"clientState"`
	ChangeType     string    `json:"changeType"`
	LifecycleEvent string    `json:"lifecycleEvent"`
	Resource       string    `json:"resource"`
	ResourceData   resource  `json:"resourceData"`
	Encrypted      *Envelope `json:"encryptedContent"`

	malformed bool // a member had a wrong type

	// What was found when it was sifted.
	tenant, slot, user string
}

// Envelope is the encrypted resource of a rich item. See [Envelope.Open].
type Envelope struct {
	Data          []byte `json:"data"`
	Signature     []byte `json:"dataSignature"`
	Key           []byte `json:"dataKey"`
	CertificateID string `json:"encryptionCertificateId"`
	Thumbprint    string `json:"encryptionCertificateThumbprint"`
}

// whose gives the tenant id in lower case; older items name it otherwise.
func (i *Item) whose() string {
	if i.TenantID == "" {
		return strings.ToLower(i.OrganizationID)
	}
	return strings.ToLower(i.TenantID)
}

// about finds whose presence the item is about, from the places that Graph
// fills, most reliable first. An empty id with an empty reason means that only
// the decrypted content can tell.
func (i *Item) about() (id string, refused Reason) {
	id, named := presenceUser(i.Resource)
	odata, namedByData := presenceUser(i.ResourceData.ODataID)
	if !named && !namedByData && !strings.EqualFold(i.ResourceData.ODataType, "#microsoft.graph.presence") {
		return "", ReasonOtherResource
	}
	if i.ChangeType != "" && !strings.EqualFold(i.ChangeType, "updated") {
		return "", ReasonOtherChange
	}
	told := i.ResourceData.ID
	switch {
	case told != "" && id != "" && !strings.EqualFold(told, id):
		return "", ReasonIDMismatch
	case id != "":
		return id, ""
	case isGUID(told):
		return strings.ToLower(told), ""
	}
	return odata, ""
}

// presenceUser reads a resource path in any of Graph's spellings:
// communications/presences/{id}, communications/presences('{id}') and
// users/{id}/presence. The id is in lower case, or empty when there is none.
func presenceUser(path string) (id string, isPresence bool) {
	if len(path) > 128 {
		return "", false
	}
	path = strings.ToLower(strings.TrimPrefix(path, "/"))
	rest, found := strings.CutPrefix(path, "communications/presences")
	if !found {
		rest, found = strings.CutPrefix(path, "users")
		if found {
			rest, found = strings.CutSuffix(rest, "/presence")
		}
	}
	if !found || (rest != "" && rest[0] != '/' && rest[0] != '(') {
		return "", false
	}
	if rest = strings.Trim(rest, "/()'"); isGUID(rest) {
		return rest, true
	}
	return "", true
}

func isGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case '0' <= c && c <= '9', 'a' <= c && c <= 'f', 'A' <= c && c <= 'F':
		default:
			return false
		}
	}
	return true
}

// key is the identity of a notification, 32 hex digits: the same for every
// delivery, never the same for two people. What tells notifications apart is,
// in this order, the sequence number, the signature of the content (its key is
// new for every item) or the id of the item. A basic item may have none of
// them: its text is the same each time somebody comes back to a state, so it
// gets no key.
func (i *Item) key(tenant, user, sequence string) string {
	var by, mark string
	switch {
	case sequence != "":
		by, mark = "sequence", sequence
	case i.Encrypted != nil:
		by, mark = "signature", string(i.Encrypted.Signature)
	case i.ID != "":
		by, mark = "id", i.ID
	default:
		return ""
	}
	b := make([]byte, 0, 256)
	for _, part := range [...]string{tenant, user, by, mark} {
		b = append(b, part...)
		b = append(b, 0)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}
