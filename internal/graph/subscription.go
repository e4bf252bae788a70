package graph

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Subscription is a presence subscription, as wanted or as Graph answered it.
type Subscription struct {
	ID              string
	UserIDs         []string // lower-case GUIDs, sorted; at most MaxPeople
	NotificationURL string
	LifecycleURL    string
	// ClientState is what comes back on every item. Graph hides it in listings.
	ClientState string
	// ExpiresAt of an answer counts, never the one asked for: Graph raises and clamps.
	ExpiresAt     time.Time
	ApplicationID string
	CreatorID     string
	// Certificate is what Graph encrypts with. Answers carry the id at most.
	Certificate Certificate
}

// Certificate is the public half of an encryption key pair.
type Certificate struct {
	ID  string // at most 128 characters; comes back on every rich item
	DER []byte
}

var (
	filterID  = regexp.MustCompile(`'([0-9a-fA-F-]{36})'`)
	singleton = regexp.MustCompile(`(?i)presences(?:/|\(')([0-9a-f-]{36})`)
)

// PresenceResource is the resource string of a subscription over these people.
// Source: Graph, "change notifications for presence".
func PresenceResource(userIDs []string) string {
	return "/communications/presences?$filter=id in ('" + strings.Join(userIDs, "','") + "')"
}

// PresenceUserIDs reads the people back from a resource string, sorted and in
// lower case. A resource of another kind is an error.
func PresenceUserIDs(resource string) ([]string, error) {
	if !strings.Contains(strings.ToLower(resource), "communications/presences") {
		return nil, fmt.Errorf("resource %.60q is not one of presence", resource)
	}
	pattern := singleton
	if strings.Contains(strings.ToLower(resource), "$filter=") {
		pattern = filterID
	}
	var ids []string
	for _, m := range pattern.FindAllStringSubmatch(resource, -1) {
		ids = append(ids, strings.ToLower(m[1]))
	}
	if len(ids) == 0 {
		return nil, fmt.Errorf("resource %.60q names nobody", resource)
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// Lifecycle is a lifecycle notification that passed the checks.
type Lifecycle struct {
	TenantID       string
	SubscriptionID string
	// Slot is the account key that the client state carried.
	Slot  string
	Event string // as sent: "reauthorizationRequired", "subscriptionRemoved", "missed", or unknown
}
