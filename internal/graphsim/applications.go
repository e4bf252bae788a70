package graphsim

import (
	"cmp"
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"
	"time"
)

var applicationProperties = []string{"id", "appId", "displayName", "signInAudience", "passwordCredentials", "keyCredentials", "isFallbackPublicClient", "requiredResourceAccess", "createdDateTime"}

// applicationObject is the registration as the directory shows it; the caller holds mu.
func (s *Simulator) applicationObject() object {
	app := s.tenant.App
	passwords := []object{}
	if app.Secret != "" {
		end := app.SecretExpires
		if now := time.Now(); app.SecretExpired && end.After(now) {
			end = now.Add(-time.Hour)
		}
		passwords = append(passwords, passwordCredential(AppSecret{app.ObjectID, "simulated", app.Secret, end}, end.AddDate(0, -6, 0)))
	}
	for _, secret := range app.Secrets {
		passwords = append(passwords, passwordCredential(secret, time.Now()))
	}
	certificates := []object{}
	for _, cert := range app.certificates() {
		sum := sha1.Sum(cert.Raw)
		certificates = append(certificates, object{
			"keyId": keyID(cert), "type": "AsymmetricX509Cert", "usage": "Verify", "displayName": "CN=" + cert.Subject.CommonName,
			"customKeyIdentifier": strings.ToUpper(hex.EncodeToString(sum[:])),
			"startDateTime":       cert.NotBefore.UTC().Format(time.RFC3339), "endDateTime": cert.NotAfter.UTC().Format(time.RFC3339),
			"key": base64.StdEncoding.EncodeToString(cert.Raw),
		})
	}
	required := []object{}
	if s.registry.required != nil {
		required = s.registry.required
	}
	return object{
		"id": app.ObjectID, "appId": app.ID, "displayName": app.DisplayName, "signInAudience": "AzureADMyOrg",
		"passwordCredentials": passwords, "keyCredentials": certificates, "isFallbackPublicClient": app.PublicClient,
		"requiredResourceAccess": required, "createdDateTime": time.Now().UTC().Format(time.RFC3339),
	}
}

func passwordCredential(s AppSecret, from time.Time) object {
	return object{
		"keyId": s.KeyID, "displayName": s.DisplayName, "hint": s.Value[:min(3, len(s.Value))], "customKeyIdentifier": nil,
		"startDateTime": from.UTC().Format(time.RFC3339), "endDateTime": s.Expires.UTC().Format(time.RFC3339), "secretText": nil,
	}
}

// keyID of a certificate, made from its thumbprint.
func keyID(cert *x509.Certificate) string {
	sum := sha1.Sum(cert.Raw)
	text := hex.EncodeToString(sum[:])
	return text[:8] + "-" + text[8:12] + "-4" + text[13:16] + "-a" + text[17:20] + "-" + text[20:32]
}

// ours finds the registration by object id or, in the keyed form, by its appId;
// the caller holds mu.
func (s *Simulator) ours(key string) error {
	app := s.tenant.App
	if app.ID == "" || !s.everywhere(app.ObjectID) || !strings.EqualFold(key, app.ObjectID) && !strings.EqualFold(key, app.ID) {
		return notFound(key)
	}
	return nil
}

// getApplication tells the registration, for the expiry of its secret.
func (s *Simulator) getApplication(c *call) (object, error) {
	q, err := s.readQuery(c, "$select")
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ours(c.arg[0]); err != nil {
		return nil, err
	}
	o, err := pick(s.applicationObject(), q.selected(applicationProperties))
	if err == nil {
		if !strings.Contains(q.values.Get("$select"), "keyCredentials") {
			hideKeys(o)
		}
		o["@odata.context"] = "https://graph.microsoft.com/v1.0/$metadata#applications/$entity"
	}
	return o, err
}

// hideKeys: their value comes only with $select and for a single app.
func hideKeys(o object) {
	keys, _ := o["keyCredentials"].([]object)
	for _, k := range keys {
		k["key"] = nil
	}
}

func (s *Simulator) listApplications(c *call) (object, error) {
	q, err := s.readQuery(c, "$top", "$select", "$filter")
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	all := s.applicationObject()
	known := s.ours(s.tenant.App.ObjectID) == nil
	s.mu.Unlock()
	keep, err := parseFilterOf(q.values.Get("$filter"), all)
	if err != nil {
		return nil, err
	}
	list := []object{}
	if known && keep(all) {
		o, err := pick(all, q.selected(applicationProperties))
		if err != nil {
			return nil, err
		}
		hideKeys(o)
		list = append(list, o)
	}
	return s.page(c, q, list, "applications")
}

type applicationBody struct {
	DisplayName            *string  `json:"displayName"`
	SignInAudience         string   `json:"signInAudience"`
	RequiredResourceAccess []object `json:"requiredResourceAccess"`
	IsFallbackPublicClient *bool    `json:"isFallbackPublicClient"`
	KeyCredentials         *[]struct {
		KeyID string `json:"keyId"`
		Type  string `json:"type"`
		Usage string `json:"usage"`
		Key   []byte `json:"key"`
	} `json:"keyCredentials"`
}

var applicationMembers = []string{"displayName", "signInAudience", "requiredResourceAccess", "isFallbackPublicClient", "keyCredentials"}

func (s *Simulator) createApplication(c *call) (object, error) {
	var b applicationBody
	if err := readJSON(c, &b, applicationMembers...); err != nil {
		return nil, err
	}
	if b.DisplayName == nil || *b.DisplayName == "" {
		return nil, missing("displayName")
	}
	if b.SignInAudience != "" && b.SignInAudience != "AzureADMyOrg" {
		return nil, badRequest("Request_BadRequest", "The simulated tenant takes apps of a single tenant only.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tenant.App.ID != "" {
		return nil, &graphError{status: http.StatusForbidden, code: "Directory_QuotaExceeded", message: "The directory object quota limit for the Principal has been exceeded: the simulated tenant has one app."}
	}
	s.tenant.App = App{ID: s.ids.guid(), ObjectID: s.ids.guid(), DisplayName: *b.DisplayName, Roles: []string{}, Scopes: []string{}}
	s.registry.owners = []string{c.who.oid} // whoever makes an app owns it
	if err := s.change(b); err != nil {
		s.tenant.App = App{}
		return nil, err
	}
	s.replicate(s.tenant.App.ObjectID)
	return created(c, s.applicationObject())
}

func (s *Simulator) updateApplication(c *call) (object, error) {
	var b applicationBody
	if err := readJSON(c, &b, applicationMembers...); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ours(c.arg[0]); err != nil {
		return nil, err
	}
	return nil, s.change(b)
}

// change writes what a body names; the caller holds mu.
func (s *Simulator) change(b applicationBody) error {
	app := &s.tenant.App
	if b.RequiredResourceAccess != nil {
		if err := s.checkRequired(b.RequiredResourceAccess); err != nil {
			return err
		}
		s.registry.required = b.RequiredResourceAccess
	}
	if b.KeyCredentials != nil {
		certs := []*x509.Certificate{}
		for _, k := range *b.KeyCredentials {
			if known := app.byKeyID(k.KeyID); len(k.Key) == 0 && known != nil {
				certs = append(certs, known)
				continue
			}
			cert, err := x509.ParseCertificate(k.Key)
			if err != nil || k.Type != "AsymmetricX509Cert" || k.Usage != "Verify" {
				return badRequest("KeyCredentialsInvalid", "Key credential is not valid: it must be a certificate of type AsymmetricX509Cert for Verify.")
			}
			certs = append(certs, cert)
		}
		app.Certificate, app.Certificates = nil, certs
	}
	if b.DisplayName != nil {
		app.DisplayName = cmp.Or(*b.DisplayName, app.DisplayName)
	}
	if b.IsFallbackPublicClient != nil {
		app.PublicClient = *b.IsFallbackPublicClient
	}
	return nil
}

func (a App) byKeyID(id string) *x509.Certificate {
	for _, cert := range a.certificates() {
		if keyID(cert) == id {
			return cert
		}
	}
	return nil
}

// checkRequired: every permission must be one that the resource offers, in its kind.
func (s *Simulator) checkRequired(required []object) error {
	for _, r := range required {
		list, ok := r["resourceAccess"].([]any)
		if r["resourceAppId"] != graphAppID || !ok {
			return badRequest("Request_BadRequest", "Invalid value specified for property 'resourceAppId' of resource 'RequiredResourceAccess'.")
		}
		for _, a := range list {
			access, _ := a.(map[string]any)
			id, _ := access["id"].(string)
			kinds := map[any]map[string]string{"Role": s.graphApp.roles, "Scope": s.graphApp.scopes}
			if _, ok := roleValue(kinds[access["type"]], id); !ok {
				return badRequest("CannotFindPermission", "Permission entry '"+id+"' does not exist on resource.")
			}
		}
	}
	return nil
}

// addPassword makes a secret and tells it this once.
func (s *Simulator) addPassword(c *call) (object, error) {
	var b struct {
		PasswordCredential struct {
			DisplayName string `json:"displayName"`
			EndDateTime string `json:"endDateTime"`
		} `json:"passwordCredential"`
	}
	if err := readJSON(c, &b, "passwordCredential"); err != nil {
		return nil, err
	}
	end := time.Now().AddDate(2, 0, 0)
	if text := b.PasswordCredential.EndDateTime; text != "" {
		var err error
		if end, err = time.Parse(time.RFC3339, text); err != nil || !end.After(time.Now()) {
			return nil, badRequest("Request_BadRequest", "Invalid value specified for property 'endDateTime'.")
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ours(c.arg[0]); err != nil {
		return nil, err
	}
	secret := AppSecret{s.ids.guid(), b.PasswordCredential.DisplayName, "sim~" + randomHex(18), end}
	secret.Value = randomHex(2)[:3] + "8Q~" + secret.Value[4:] // with a beginning of its own
	s.tenant.App.Secrets = append(s.tenant.App.Secrets, secret)
	o := passwordCredential(secret, time.Now())
	o["secretText"] = secret.Value
	return o, nil
}

func (s *Simulator) listOwners(c *call) (object, error) {
	q, err := s.readQuery(c, "$select", "$top")
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	err = s.ours(c.arg[0])
	list := []object{}
	for _, id := range s.registry.owners {
		if u, err := s.lookup(id); err == nil {
			list = append(list, object{"@odata.type": "#microsoft.graph.user", "id": u.ID, "userPrincipalName": u.UserPrincipalName, "displayName": u.DisplayName})
		}
	}
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return s.page(c, q, list, "directoryObjects")
}

func (s *Simulator) addOwner(c *call) (object, error) {
	var b struct {
		ID string `json:"@odata.id"`
	}
	if err := readJSON(c, &b); err != nil {
		return nil, err
	}
	_, id, found := strings.Cut(b.ID, "/directoryObjects/")
	if !found {
		return nil, badRequest("Request_BadRequest", "Invalid object reference: '@odata.id' must name a directory object.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ours(c.arg[0]); err != nil {
		return nil, err
	}
	u, err := s.lookup(id)
	if err != nil {
		return nil, err
	}
	for _, owner := range s.registry.owners {
		if owner == u.ID {
			return nil, badRequest("Request_BadRequest", "One or more added object references already exist for the following modified properties: 'owners'.")
		}
	}
	s.registry.owners = append(s.registry.owners, u.ID)
	return nil, nil
}
