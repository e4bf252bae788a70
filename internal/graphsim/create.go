package graphsim

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// subscriptionRequest is the body of a create.
type subscriptionRequest struct {
	ChangeType                string `json:"changeType"`
	NotificationURL           string `json:"notificationUrl"`
	LifecycleNotificationURL  string `json:"lifecycleNotificationUrl"`
	Resource                  string `json:"resource"`
	ExpirationDateTime        string `json:"expirationDateTime"`
	ClientState               string `json:"clientState"`
	IncludeResourceData       bool   `json:"includeResourceData"`
	EncryptionCertificate     string `json:"encryptionCertificate"`
	EncryptionCertificateID   string `json:"encryptionCertificateId"`
	LatestSupportedTLSVersion string `json:"latestSupportedTlsVersion"`
	NotificationURLAppID      string `json:"notificationUrlAppId"`
}

var subscriptionMembers = []string{
	"changeType", "notificationUrl", "lifecycleNotificationUrl", "resource", "expirationDateTime", "clientState", "includeResourceData",
	"encryptionCertificate", "encryptionCertificateId", "latestSupportedTlsVersion", "notificationUrlAppId",
}

// peopleMax is how many people one subscription or one bulk read may name.
const peopleMax = 650

const guidPattern = `[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}`

var (
	isGUID     = regexp.MustCompile(`^` + guidPattern + `$`)
	onePerson  = regexp.MustCompile(`^communications/presences/(` + guidPattern + `)$`)
	manyPeople = regexp.MustCompile(`^communications/presences\?\$filter=id in \(\s*('` + guidPattern + `'(?:\s*,\s*'` + guidPattern + `')*)\s*\)$`)
)

func extension(operation string, status int, reason string) error {
	return &graphError{status: status, code: "ExtensionError", message: fmt.Sprintf("Operation: %s; Exception: [Status Code: %s; Reason: %s]", operation, strings.ReplaceAll(http.StatusText(status), " ", ""), reason)}
}

// mayManage refuses everything but a user's token with the one permission.
func mayManage(c *call, operation string) error {
	if c.who.user == "" || !c.who.may("Presence.Read.All") {
		return extension(operation, http.StatusForbidden, "The request is not authorized for this user or application.")
	}
	return nil
}

// parseResource gives the people that a resource names, in lower case.
func parseResource(resource string) (map[string]bool, error) {
	path := strings.TrimPrefix(resource, "/")
	var ids []string
	if m := onePerson.FindStringSubmatch(path); m != nil {
		ids = m[1:]
	} else if m := manyPeople.FindStringSubmatch(path); m != nil {
		ids = strings.Split(m[1], ",")
	} else {
		return nil, extension("Create", http.StatusBadRequest, "Unsupported workload.")
	}
	users := map[string]bool{}
	for _, id := range ids {
		users[strings.ToLower(strings.Trim(strings.TrimSpace(id), "'"))] = true
	}
	if len(users) > peopleMax {
		return nil, extension("Create", http.StatusBadRequest, fmt.Sprintf("The filter names %d users; at most %d are allowed.", len(users), peopleMax))
	}
	return users, nil
}

func (s *Simulator) createSubscription(c *call) (object, error) {
	if err := mayManage(c, "Create"); err != nil {
		return nil, err
	}
	var q subscriptionRequest
	if err := readJSON(c, &q, subscriptionMembers...); err != nil {
		return nil, err
	}
	sub, err := s.draft(c, q)
	if err != nil {
		return nil, err
	}
	for _, target := range []string{sub.url, sub.lifecycleURL} {
		if target == "" {
			continue
		}
		if err := s.handshake(c.Context(), target, sub.tls); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conflict(creator{sub.app, sub.oid}) {
		return nil, extension("Create", http.StatusConflict, "A subscripton already exists. It must be deleted before a another can be made.")
	}
	for id := range sub.users {
		if slices.ContainsFunc(s.faults.BrokenUsers, func(b string) bool { return strings.EqualFold(b, id) }) {
			return nil, extension("Create", http.StatusInternalServerError, "An internal error occurred.")
		}
	}
	s.subs[sub.id] = sub
	sub.lifecycleDue = s.nextLifecycle(sub, time.Time{})
	s.courier.wakeUp()
	if s.faults.LostCreates > 0 {
		s.faults.LostCreates--
		return nil, &graphError{status: http.StatusGatewayTimeout, code: "GatewayTimeout", message: "The gateway did not receive a response in time."}
	}
	c.status = http.StatusCreated
	o := s.body(sub, true)
	o["@odata.context"] = "https://graph.microsoft.com/v1.0/$metadata#subscriptions/$entity"
	return o, nil
}

// conflict reports whether a living or a ghostly subscription is in the way; the
// caller holds mu.
func (s *Simulator) conflict(who creator) bool {
	if time.Now().Before(s.ghosts[who]) {
		return true
	}
	delete(s.ghosts, who)
	for _, sub := range s.subs {
		if (creator{sub.app, sub.oid}) == who && s.alive(sub) {
			return true
		}
	}
	return false
}

// draft checks everything that needs neither handshake nor the other subscriptions.
func (s *Simulator) draft(c *call, q subscriptionRequest) (*subscription, error) {
	for name, value := range map[string]string{"changeType": q.ChangeType, "notificationUrl": q.NotificationURL, "resource": q.Resource, "expirationDateTime": q.ExpirationDateTime} {
		if value == "" {
			return nil, badRequest("InvalidRequest", "The property '"+name+"' is required.")
		}
	}
	if q.ChangeType != "updated" {
		return nil, badRequest("InvalidRequest", "Invalid 'changeType' attribute: '"+q.ChangeType+"'.")
	}
	users, err := parseResource(q.Resource)
	if err != nil {
		return nil, err
	}
	if err := checkURL("notificationUrl", q.NotificationURL); err != nil {
		return nil, err
	}
	if q.LifecycleNotificationURL != "" {
		if err := checkURL("lifecycleNotificationUrl", q.LifecycleNotificationURL); err != nil {
			return nil, err
		}
	}
	if len(q.ClientState) > 128 || len(q.EncryptionCertificateID) > 128 {
		return nil, badRequest("InvalidRequest", "clientState and encryptionCertificateId must not be longer than 128 characters.")
	}
	sub := &subscription{
		terms: terms{
			id: s.ids.guid(), url: q.NotificationURL, lifecycleURL: q.LifecycleNotificationURL, clientState: q.ClientState,
			app: c.who.app, account: c.who.user, rich: q.IncludeResourceData, tls: q.LatestSupportedTLSVersion,
		},
		resource: q.Resource, oid: c.who.oid, users: users, created: time.Now(), tokenEnds: c.who.ends,
	}
	switch sub.tls {
	case "":
		sub.tls = "v1_2"
	case "v1_0", "v1_1", "v1_2", "v1_3":
	default:
		return nil, badRequest("InvalidRequest", "The value of latestSupportedTlsVersion is not valid.")
	}
	if q.IncludeResourceData && (q.EncryptionCertificate == "" || q.EncryptionCertificateID == "") {
		return nil, badRequest("InvalidRequest", "encryptionCertificate and encryptionCertificateId are required when includeResourceData is true.")
	}
	if q.EncryptionCertificate != "" {
		if sub.cert, err = parseCertificate(q.EncryptionCertificate); err != nil {
			return nil, err
		}
		sub.certID = q.EncryptionCertificateID
	}
	sub.expires, err = s.expiry("Create", q.ExpirationDateTime, sub.lifecycleURL != "")
	return sub, err
}
