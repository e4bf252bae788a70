package graphsim

import (
	"net/http"
	"time"
)

// reactionGap is how far apart reauthorize and PATCH of one subscription must be.
const reactionGap = 10 * time.Minute

type renewRequest struct {
	ExpirationDateTime      string `json:"expirationDateTime"`
	NotificationURL         string `json:"notificationUrl"`
	EncryptionCertificate   string `json:"encryptionCertificate"`
	EncryptionCertificateID string `json:"encryptionCertificateId"`
}

func (s *Simulator) updateSubscription(c *call) (object, error) {
	if err := mayManage(c, "Update"); err != nil {
		return nil, err
	}
	var q renewRequest
	if err := readJSON(c, &q, "expirationDateTime", "notificationUrl", "encryptionCertificate", "encryptionCertificateId"); err != nil {
		return nil, err
	}
	if err := s.canceled(c); err != nil {
		return nil, err
	}
	s.mu.Lock()
	sub, err := s.find(c)
	var now terms
	if err == nil {
		now = sub.terms
	}
	revalidate := s.faults.Revalidate
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	changed, err := s.amend(now, q)
	if err != nil {
		return nil, err
	}
	if revalidate == "always" || revalidate == "" && changed.url != now.url {
		if err := s.handshake(c.Context(), changed.url, changed.tls); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if sub, err = s.find(c); err != nil { // it may have ended meanwhile
		return nil, err
	}
	if err := s.breach(c, sub.reauthorized); err != nil {
		return nil, err
	}
	sub.patched, sub.terms = time.Now(), changed
	s.freshToken(c, sub)
	o := s.body(sub, false)
	o["@odata.context"] = "https://graph.microsoft.com/v1.0/$metadata#subscriptions/$entity"
	return o, nil
}

// amend gives the terms that a PATCH asks for.
func (s *Simulator) amend(t terms, q renewRequest) (terms, error) {
	if q.ExpirationDateTime == "" && q.NotificationURL == "" {
		return t, badRequest("InvalidRequest", "Subscription must contain either the 'expirationDateTime' or 'notificationUrl' property and its value.")
	}
	var err error
	if q.ExpirationDateTime != "" {
		if t.expires, err = s.expiry("Update", q.ExpirationDateTime, t.lifecycleURL != ""); err != nil {
			return t, err
		}
	}
	if q.NotificationURL != "" {
		if err := checkURL("notificationUrl", q.NotificationURL); err != nil {
			return t, err
		}
		t.url = q.NotificationURL
	}
	if (q.EncryptionCertificate == "") != (q.EncryptionCertificateID == "") {
		return t, badRequest("InvalidRequest", "encryptionCertificate and encryptionCertificateId belong together.")
	}
	if q.EncryptionCertificate != "" {
		if t.cert, err = parseCertificate(q.EncryptionCertificate); err != nil {
			return t, err
		}
		t.certID = q.EncryptionCertificateID
	}
	return t, nil
}

// canceled is the PATCH that fails after a long while.
func (s *Simulator) canceled(c *call) error {
	s.mu.Lock()
	s.patches++
	every, delay := s.faults.PatchCanceledEvery, s.scaled(s.faults.PatchDelay)
	due := every > 0 && s.patches%every == 0
	s.mu.Unlock()
	if !due {
		return nil
	}
	if err := wait(c.Context(), delay); err != nil {
		return err
	}
	return &graphError{status: http.StatusInternalServerError, code: "ExtensionError", message: "Operation: Update; Exception: [A task was canceled.]"}
}

// breach notes, or refuses, the second reaction within ten minutes; the caller holds mu.
func (s *Simulator) breach(c *call, other time.Time) error {
	if other.IsZero() || time.Since(other) >= s.scaled(reactionGap) {
		return nil
	}
	if s.faults.StrictReauthorize {
		return badRequest("InvalidRequest", "Do not renew and reauthorize the same subscription within 10 minutes.")
	}
	c.breach = "renewed and reauthorized within 10 minutes"
	return nil
}

// freshToken takes the caller's token as the subscription's and lets go what
// waited for one; the caller holds mu.
func (s *Simulator) freshToken(c *call, sub *subscription) {
	sub.tokenEnds = c.who.ends
	sub.lifecycleDue = s.nextLifecycle(sub, time.Time{})
	held := sub.held
	sub.held = nil
	for _, i := range held {
		i.ready = time.Now()
		s.courier.put(i, retryLane)
	}
	s.courier.wakeUp()
}

func (s *Simulator) reauthorizeSubscription(c *call) (object, error) {
	if err := mayManage(c, "Reauthorize"); err != nil {
		return nil, err
	}
	if c.ContentLength > 0 {
		return nil, badRequest("BadRequest", "The request body must be empty.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	sub, err := s.find(c)
	if err != nil {
		return nil, err
	}
	if err := s.breach(c, sub.patched); err != nil {
		return nil, err
	}
	sub.reauthorized = time.Now()
	s.freshToken(c, sub)
	return nil, nil
}

func (s *Simulator) getSubscription(c *call) (object, error) {
	if err := mayManage(c, "Read"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	sub, err := s.find(c)
	if err != nil {
		return nil, err
	}
	o := s.body(sub, false)
	o["@odata.context"] = "https://graph.microsoft.com/v1.0/$metadata#subscriptions/$entity"
	return o, nil
}

// listSubscriptions shows a user what this app made for that user.
func (s *Simulator) listSubscriptions(c *call) (object, error) {
	if err := mayManage(c, "Read"); err != nil {
		return nil, err
	}
	if c.URL.RawQuery != "" {
		return nil, badRequest("BadRequest", "OData query options are not supported on this resource.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []object{}
	for _, sub := range s.subs {
		if s.alive(sub) && sub.app == c.who.app && sub.oid == c.who.oid {
			list = append(list, s.body(sub, false))
		}
	}
	return object{"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#subscriptions", "value": list}, nil
}

func (s *Simulator) deleteSubscription(c *call) (object, error) {
	if err := mayManage(c, "Delete"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	sub, err := s.find(c)
	if err != nil {
		return nil, err
	}
	s.end(sub)
	if ghost := s.scaled(s.faults.GhostConflict); ghost > 0 {
		s.ghosts[creator{sub.app, sub.oid}] = time.Now().Add(ghost)
	}
	return nil, nil
}
