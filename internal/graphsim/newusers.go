package graphsim

import (
	"regexp"
	"strings"
	"time"
)

type userBody struct {
	AccountEnabled    *bool   `json:"accountEnabled"`
	DisplayName       string  `json:"displayName"`
	MailNickname      string  `json:"mailNickname"`
	UserPrincipalName string  `json:"userPrincipalName"`
	PasswordPolicies  *string `json:"passwordPolicies"`
	UsageLocation     string  `json:"usageLocation"`
	PasswordProfile   *struct {
		Password                      string `json:"password"`
		ForceChangePasswordNextSignIn *bool  `json:"forceChangePasswordNextSignIn"`
	} `json:"passwordProfile"`
}

var userMembers = []string{"accountEnabled", "displayName", "mailNickname", "userPrincipalName", "passwordPolicies", "usageLocation", "passwordProfile"}

var upn = regexp.MustCompile(`^[A-Za-z0-9'._!#^~-]+@[A-Za-z0-9.-]+$`)

// createUser makes a service user: whoever is made here is one.
func (s *Simulator) createUser(c *call) (object, error) {
	var b userBody
	if err := readJSON(c, &b, userMembers...); err != nil {
		return nil, err
	}
	switch {
	case b.AccountEnabled == nil:
		return nil, missing("accountEnabled")
	case b.DisplayName == "":
		return nil, missing("displayName")
	case b.MailNickname == "":
		return nil, missing("mailNickname")
	case b.PasswordProfile == nil:
		return nil, missing("passwordProfile")
	case !upn.MatchString(b.UserPrincipalName):
		return nil, badRequest("Request_BadRequest", "Property userPrincipalName is invalid.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, domain, _ := strings.Cut(b.UserPrincipalName, "@")
	if !strings.EqualFold(domain, s.tenant.Domain) {
		return nil, badRequest("Request_BadRequest", "The domain portion of the userPrincipalName property is invalid. You must use one of the verified domain names in your organization.")
	}
	if s.taken(b.UserPrincipalName) { // also before everybody knows it
		return nil, conflicting("userPrincipalName")
	}
	a := Account{ID: s.ids.guid(), Username: b.UserPrincipalName}
	if err := a.change(b); err != nil {
		return nil, err
	}
	s.tenant.Accounts = append(s.tenant.Accounts, a)
	s.replicate(a.ID)
	return created(c, object{
		"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#users/$entity",
		"id":             a.ID, "userPrincipalName": a.Username, "displayName": a.DisplayName, "mail": nil, "businessPhones": []string{},
	})
}

// taken reports whether a user has this name; the caller holds mu.
func (s *Simulator) taken(name string) bool {
	if s.account(name) != nil {
		return true
	}
	_, err := s.lookup(name)
	return err == nil
}

func (s *Simulator) updateUser(c *call) (object, error) {
	var b userBody
	if err := readJSON(c, &b, userMembers...); err != nil {
		return nil, err
	}
	if b.PasswordProfile != nil && !c.who.may("User-PasswordProfile.ReadWrite.All", "Directory.AccessAsUser.All") {
		return nil, &graphError{status: 403, code: "Authorization_RequestDenied", message: "Insufficient privileges to complete the operation."}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.lookup(c.arg[0])
	if err != nil {
		return nil, err
	}
	a := s.account(u.UserPrincipalName)
	if a == nil {
		return nil, &graphError{status: 403, code: "Authorization_RequestDenied", message: "The simulated tenant lets only service users be changed."}
	}
	return nil, a.change(b)
}

// change writes what a body names.
func (a *Account) change(b userBody) error {
	if p := b.PasswordProfile; p != nil {
		if !strong(p.Password) {
			return badRequest("Request_BadRequest", "The specified password does not comply with password complexity requirements. Please provide a different password.")
		}
		a.Password, a.PasswordChanged = p.Password, time.Now()
		// Whoever must change the password cannot sign in with it, but in a browser.
		a.PasswordExpired = p.ForceChangePasswordNextSignIn == nil || *p.ForceChangePasswordNextSignIn
	}
	if b.PasswordPolicies != nil {
		a.PasswordPolicies = *b.PasswordPolicies
	}
	if b.AccountEnabled != nil {
		a.Disabled = !*b.AccountEnabled
	}
	if b.DisplayName != "" {
		a.DisplayName = b.DisplayName
	}
	return nil
}

// strong: 8 to 256 characters of three kinds. Source: Entra ID, "password policies".
func strong(password string) bool {
	kinds := 0
	for _, kind := range []string{"abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789", "@#$%^&*-_!+=[]{}|\\:',.?/`~\"();<> "} {
		if strings.ContainsAny(password, kind) {
			kinds++
		}
	}
	return kinds >= 3 && len(password) >= 8 && len(password) <= 256
}

// getOrganization tells the tenant and its domains.
func (s *Simulator) getOrganization(c *call) (object, error) {
	q, err := s.readQuery(c, "$select")
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	all := object{
		"id": s.tenant.ID, "displayName": "Contoso", "tenantType": "AAD",
		"verifiedDomains": []object{{"name": s.tenant.Domain, "isDefault": true, "isInitial": true, "type": "Managed", "capabilities": "Email, OfficeCommunicationsOnline"}},
	}
	s.mu.Unlock()
	o, err := pick(all, q.selected([]string{"id", "displayName", "tenantType", "verifiedDomains"}))
	if err != nil {
		return nil, err
	}
	return s.page(c, q, []object{o}, "organization")
}
