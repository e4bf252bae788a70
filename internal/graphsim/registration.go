package graphsim

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// getApplication tells the registration, for the expiry of its secret.
func (s *Simulator) getApplication(c *call) (object, error) {
	q, err := s.readQuery(c, "$select")
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	app := s.tenant.App
	if !strings.EqualFold(c.arg[0], app.ID) {
		return nil, notFound(c.arg[0])
	}
	passwords := []object{}
	if app.Secret != "" {
		end := app.SecretExpires
		if now := time.Now(); app.SecretExpired && end.After(now) {
			end = now.Add(-time.Hour)
		}
		passwords = append(passwords, object{
			"keyId": app.ObjectID, "displayName": "simulated", "hint": app.Secret[:min(3, len(app.Secret))], "customKeyIdentifier": nil,
			"startDateTime": end.AddDate(0, -6, 0).UTC().Format(time.RFC3339), "endDateTime": end.UTC().Format(time.RFC3339), "secretText": nil,
		})
	}
	certificates := []object{}
	if app.Certificate != nil {
		certificates = append(certificates, object{
			"keyId": app.ObjectID, "type": "AsymmetricX509Cert", "usage": "Verify", "displayName": "CN=" + app.Certificate.Subject.CommonName,
			"startDateTime": app.Certificate.NotBefore.UTC().Format(time.RFC3339), "endDateTime": app.Certificate.NotAfter.UTC().Format(time.RFC3339), "key": nil,
		})
	}
	o, err := pick(object{
		"id": app.ObjectID, "appId": app.ID, "displayName": app.DisplayName, "signInAudience": "AzureADMyOrg",
		"passwordCredentials": passwords, "keyCredentials": certificates, "isFallbackPublicClient": app.PublicClient,
	}, q.selected([]string{"id", "appId", "displayName", "signInAudience", "passwordCredentials", "keyCredentials", "isFallbackPublicClient"}))
	if err == nil {
		o["@odata.context"] = "https://graph.microsoft.com/v1.0/$metadata#applications/$entity"
	}
	return o, err
}

// getServicePrincipal tells whether users and services must be assigned to the app.
func (s *Simulator) getServicePrincipal(c *call) (object, error) {
	q, err := s.readQuery(c, "$select")
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	app := s.tenant.App
	if !strings.EqualFold(c.arg[0], app.ID) {
		return nil, notFound(c.arg[0])
	}
	o, err := pick(object{"id": app.ObjectID, "appId": app.ID, "displayName": app.DisplayName, "accountEnabled": !app.Disabled, "appRoleAssignmentRequired": app.AssignmentRequired},
		q.selected([]string{"id", "appId", "displayName", "accountEnabled", "appRoleAssignmentRequired"}))
	if err == nil {
		o["@odata.context"] = "https://graph.microsoft.com/v1.0/$metadata#servicePrincipals/$entity"
	}
	return o, err
}

// getDomain tells the password policy.
func (s *Simulator) getDomain(c *call) (object, error) {
	q, err := s.readQuery(c, "$select")
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !strings.EqualFold(c.arg[0], s.tenant.Domain) {
		return nil, notFound(c.arg[0])
	}
	all := s.tenant.domain()
	o, err := pick(all, q.selected(slices.Sorted(maps.Keys(all))))
	if err == nil {
		o["@odata.context"] = "https://graph.microsoft.com/v1.0/$metadata#domains/$entity"
	}
	return o, err
}

// domain is the tenant's only one. A period that is not set is null.
func (t Tenant) domain() object {
	o := object{
		"id": t.Domain, "authenticationType": "Managed", "isAdminManaged": true, "isDefault": true, "isInitial": true, "isRoot": true, "isVerified": true,
		"passwordValidityPeriodInDays": t.PasswordValidityDays, "passwordNotificationWindowInDays": 14, "supportedServices": []string{},
	}
	if t.PasswordValidityDays < 0 {
		o["passwordValidityPeriodInDays"], o["passwordNotificationWindowInDays"] = nil, nil
	}
	return o
}
