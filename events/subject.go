package events

import (
	"fmt"
	"strings"
)

// Names of the stream and of the key-value bucket that the server derives from it.
const (
	Stream = "PRESENCE"
	Bucket = "presence"
)

// Wildcards for consumers, one for each type of event.
const (
	UserSubjects      = "presence.v1.user.>"
	DirectorySubjects = "presence.v1.directory.>"
	CoverageSubjects  = "presence.v1.coverage.>"
	DecisionSubjects  = "presence.v1.decision.>"
)

// StreamSubjects is what the stream takes in. It is not presence.v1.>, which
// would swallow the requests to presence.v1.api.*.
func StreamSubjects() []string {
	return []string{UserSubjects, DirectorySubjects, CoverageSubjects, DecisionSubjects}
}

// UserSubject is where the state of a person is published.
// Both ids are GUIDs in any case; anything else is an error.
func UserSubject(tenantID, userID string) (string, error) {
	return personSubject("presence.v1.user.", tenantID, userID)
}

// DirectorySubject is where a person's coming and going is published.
func DirectorySubject(tenantID, userID string) (string, error) {
	return personSubject("presence.v1.directory.", tenantID, userID)
}

// CoverageSubject is where the state of a service user's subscription is
// published. The account key is one token: letters, digits, hyphens, underscores.
func CoverageSubject(tenantID, accountKey string) (string, error) {
	tenant, err := guid("tenant id", tenantID)
	if err != nil {
		return "", err
	}
	account, err := token("account key", accountKey)
	if err != nil {
		return "", err
	}
	return "presence.v1.coverage." + tenant + "." + account, nil
}

// DecisionSubject is where an adapter publishes whether a person may get a call.
// The client is the adapter's own name for its client: one token, as above.
func DecisionSubject(client, userID string) (string, error) {
	name, err := token("client", client)
	if err != nil {
		return "", err
	}
	user, err := guid("user id", userID)
	if err != nil {
		return "", err
	}
	return "presence.v1.decision." + name + "." + user, nil
}

// BucketKey is a person's key in the bucket.
func BucketKey(tenantID, userID string) (string, error) {
	return personSubject("", tenantID, userID)
}

func personSubject(prefix, tenantID, userID string) (string, error) {
	tenant, err := guid("tenant id", tenantID)
	if err != nil {
		return "", err
	}
	user, err := guid("user id", userID)
	if err != nil {
		return "", err
	}
	return prefix + tenant + "." + user, nil
}

// guid gives the id in lower case, 8-4-4-4-12 hexadecimal digits.
func guid(what, id string) (string, error) {
	ok := len(id) == 36
	for i := 0; ok && i < len(id); i++ {
		c := id[i]
		if i == 8 || i == 13 || i == 18 || i == 23 {
			ok = c == '-'
		} else {
			ok = '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
		}
	}
	if !ok {
		return "", fmt.Errorf("%s %.40q is not a GUID", what, id)
	}
	return strings.ToLower(id), nil
}

// token gives a name in lower case that is safe as one token of a subject.
func token(what, name string) (string, error) {
	ok := 0 < len(name) && len(name) <= 64
	for i := 0; ok && i < len(name); i++ {
		c := name[i]
		ok = '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '-' || c == '_'
	}
	if !ok {
		return "", fmt.Errorf("%s %.70q is not 1 to 64 letters, digits, hyphens or underscores", what, name)
	}
	return strings.ToLower(name), nil
}
