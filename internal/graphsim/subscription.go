package graphsim

import (
	"cmp"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"time"
)

// creator is whom Graph allows one presence subscription.
type creator struct{ app, oid string }

// terms are what a notification needs to know of its subscription; a notification
// keeps the terms of the moment when it came up.
type terms struct {
	id, url, lifecycleURL, clientState, tls string

	app, account string // account is a user principal name
	rich         bool
	cert         *x509.Certificate
	certID       string
	expires      time.Time
}

func (t *terms) thumbprint() string {
	sum := sha1.Sum(t.cert.Raw)
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

// subscription is one that has not ended.
type subscription struct {
	terms
	resource  string
	oid       string // of the account
	users     map[string]bool
	created   time.Time
	tokenEnds time.Time // of the token that made or last renewed it

	reauthorized, patched      time.Time
	lifecycleDue               time.Time
	held                       []*item // waiting for a token
	delivered, failed, dropped int
}

// SubscriptionInfo is one living subscription.
type SubscriptionInfo struct {
	ID              string    `json:"id"`
	Account         string    `json:"account"` // user principal name of the creator
	AccountID       string    `json:"accountId"`
	Resource        string    `json:"resource"`
	UserIDs         []string  `json:"userIds"` // sorted
	NotificationURL string    `json:"notificationUrl"`
	LifecycleURL    string    `json:"lifecycleUrl,omitzero"`
	Rich            bool      `json:"rich"`
	CertificateID   string    `json:"certificateId,omitzero"`
	Created         time.Time `json:"created"`
	Expires         time.Time `json:"expires"`
	TokenEnds       time.Time `json:"tokenEnds"`
	Delivered       int       `json:"delivered"` // items answered with 2xx, repeats included
	Failed          int       `json:"failed"`    // items of failed attempts
	Dropped         int       `json:"dropped"`   // items given up
	Held            int       `json:"held"`      // items waiting for a fresh token
}

// Subscriptions lists what exists now, by account.
func (s *Simulator) Subscriptions() []SubscriptionInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []SubscriptionInfo{}
	for _, sub := range s.subs {
		if !s.alive(sub) {
			continue
		}
		list = append(list, SubscriptionInfo{
			ID: sub.id, Account: sub.account, AccountID: sub.oid, Resource: sub.resource,
			UserIDs: slices.Sorted(maps.Keys(sub.users)), NotificationURL: sub.url, LifecycleURL: sub.lifecycleURL,
			Rich: sub.rich, CertificateID: sub.certID, Created: sub.created, Expires: sub.expires, TokenEnds: sub.tokenEnds,
			Delivered: sub.delivered, Failed: sub.failed, Dropped: sub.dropped, Held: len(sub.held),
		})
	}
	slices.SortFunc(list, func(a, b SubscriptionInfo) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.ID, b.ID))
	})
	return list
}

// Remove takes a subscription away without telling anybody, as Graph does when it
// loses one. It reports whether it existed.
func (s *Simulator) Remove(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub := s.subs[id]
	if sub != nil {
		s.end(sub)
	}
	return sub != nil
}

// Expire lets a subscription end now, in its own time's way. It reports whether it
// existed.
func (s *Simulator) Expire(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub := s.subs[id]
	if sub != nil {
		sub.expires = time.Now()
		s.courier.wakeUp()
	}
	return sub != nil
}

// alive is false from the moment of the expiry; the caller holds mu.
func (s *Simulator) alive(sub *subscription) bool {
	return s.subs[sub.id] == sub && time.Now().Before(sub.expires)
}

// end removes a subscription and what waits for it; the caller holds mu.
func (s *Simulator) end(sub *subscription) {
	delete(s.subs, sub.id)
	s.settled(len(sub.held))
	sub.held = nil
	s.discard(func(i *item) bool { return i.id == sub.id })
}

// find gives a living subscription of the caller; the caller holds mu.
func (s *Simulator) find(c *call) (*subscription, error) {
	sub := s.subs[strings.ToLower(c.arg[0])]
	if sub == nil || !s.alive(sub) || sub.app != c.who.app || sub.oid != c.who.oid {
		return nil, &graphError{status: 404, code: "ResourceNotFound", message: "The object was not found."}
	}
	return sub, nil
}

// body is the subscription as Graph prints it. Only a create tells clientState.
func (s *Simulator) body(sub *subscription, withState bool) object {
	o := object{
		"id": sub.id, "changeType": "updated", "resource": sub.resource,
		"applicationId": sub.app, "creatorId": sub.oid, "clientState": nil,
		"expirationDateTime": s.stamp(sub.expires), "notificationUrl": sub.url, "lifecycleNotificationUrl": orNull(sub.lifecycleURL),
		"includeResourceData": nil, "encryptionCertificate": nil, "encryptionCertificateId": orNull(sub.certID),
		"notificationQueryOptions": nil, "notificationContentType": nil, "latestSupportedTlsVersion": sub.tls, "notificationUrlAppId": nil,
	}
	if sub.rich {
		o["includeResourceData"] = true
	}
	if withState {
		o["clientState"] = orNull(sub.clientState)
	}
	return o
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// stamp prints a time as precisely as the simulation needs; the caller holds mu.
func (s *Simulator) stamp(t time.Time) string {
	switch t = t.UTC(); {
	case s.faults.SevenDigits:
		return t.Format("2006-01-02T15:04:05.0000000Z")
	case s.speed != 1:
		return t.Format("2006-01-02T15:04:05.000Z")
	}
	return t.Format("2006-01-02T15:04:05Z")
}

// parseCertificate checks an encryption certificate: base64 of DER, RSA of 2048 to
// 4096 bits.
func parseCertificate(text string) (*x509.Certificate, error) {
	refused := badRequest("ValidationError", "The encryptionCertificate is not valid: it must be the base64 of a DER-encoded X.509 certificate with an RSA key of 2048 to 4096 bits.")
	der, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, refused
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, refused
	}
	key, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok || key.N.BitLen() < 2048 || key.N.BitLen() > 4096 {
		return nil, refused
	}
	return cert, nil
}
