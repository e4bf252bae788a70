package graphsim

import (
	"maps"
	"slices"
	"strings"
)

// principal finds a service principal by object id or by the id of its app; the
// caller holds mu.
func (s *Simulator) principal(key string) (object, error) {
	switch app := s.tenant.App; {
	case strings.EqualFold(key, graphAppID), strings.EqualFold(key, s.graphApp.principal):
		return s.graphApp.object(), nil
	case s.registry.principal && s.everywhere(s.registry.principalID) && (strings.EqualFold(key, app.ID) || strings.EqualFold(key, s.registry.principalID)):
		return object{
			"id": s.registry.principalID, "appId": app.ID, "displayName": app.DisplayName, "accountEnabled": !app.Disabled, "appRoleAssignmentRequired": app.AssignmentRequired,
			"appRoles": []object{}, "oauth2PermissionScopes": []object{}, "servicePrincipalType": "Application",
		}, nil
	}
	return nil, notFound(key)
}

// getServicePrincipal tells whether users and services must be assigned to the
// app, and what Graph offers.
func (s *Simulator) getServicePrincipal(c *call) (object, error) {
	q, err := s.readQuery(c, "$select")
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	all, err := s.principal(c.arg[0])
	if err != nil {
		return nil, err
	}
	o, err := pick(all, q.selected(slices.Sorted(maps.Keys(all))))
	if err == nil {
		o["@odata.context"] = "https://graph.microsoft.com/v1.0/$metadata#servicePrincipals/$entity"
	}
	return o, err
}

func (s *Simulator) createServicePrincipal(c *call) (object, error) {
	var b struct {
		AppID                     string   `json:"appId"`
		AppRoleAssignmentRequired bool     `json:"appRoleAssignmentRequired"`
		Tags                      []string `json:"tags"`
	}
	if err := readJSON(c, &b, "appId", "appRoleAssignmentRequired", "tags"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ours(b.AppID) != nil {
		return nil, badRequest("Request_BadRequest", "The appId '"+b.AppID+"' of the service principal does not reference a valid application object.")
	}
	if s.registry.principal {
		return nil, &graphError{status: 409, code: "Request_MultipleObjectsWithSameKeyValue", message: "The service principal cannot be created, updated, or restored because the service principal name " + b.AppID + " is already in use."}
	}
	s.registry.principal, s.registry.principalID = true, s.ids.guid()
	s.tenant.App.AssignmentRequired = b.AppRoleAssignmentRequired
	o, err := s.principal(s.registry.principalID)
	s.replicate(s.registry.principalID)
	if err != nil {
		return nil, err
	}
	return created(c, o)
}

func (s *Simulator) updateServicePrincipal(c *call) (object, error) {
	var b struct {
		AppRoleAssignmentRequired *bool `json:"appRoleAssignmentRequired"`
		AccountEnabled            *bool `json:"accountEnabled"`
	}
	if err := readJSON(c, &b, "appRoleAssignmentRequired", "accountEnabled"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if o, err := s.principal(c.arg[0]); err != nil || o["id"] != s.registry.principalID {
		return nil, notFound(c.arg[0])
	}
	if b.AppRoleAssignmentRequired != nil {
		s.tenant.App.AssignmentRequired = *b.AppRoleAssignmentRequired
	}
	if b.AccountEnabled != nil {
		s.tenant.App.Disabled = !*b.AccountEnabled
	}
	return nil, nil
}

func (s *Simulator) listAssignments(c *call) (object, error) {
	q, err := s.readQuery(c, "$top")
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	o, err := s.principal(c.arg[0])
	list := []object{}
	for _, a := range s.registry.assignments {
		if err == nil && a.principal == o["id"] {
			list = append(list, a.object())
		}
	}
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return s.page(c, q, list, "appRoleAssignments")
}

// createAssignment grants an application permission.
func (s *Simulator) createAssignment(c *call) (object, error) {
	var b struct {
		PrincipalID string `json:"principalId"`
		ResourceID  string `json:"resourceId"`
		AppRoleID   string `json:"appRoleId"`
	}
	if err := readJSON(c, &b, "principalId", "resourceId", "appRoleId"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range []string{b.PrincipalID, b.ResourceID, c.arg[0]} {
		if _, err := s.principal(id); err != nil {
			return nil, err
		}
	}
	value, ok := roleValue(s.graphApp.roles, b.AppRoleID)
	if !ok || b.ResourceID != s.graphApp.principal || b.PrincipalID != s.registry.principalID || c.arg[0] != b.ResourceID && c.arg[0] != b.PrincipalID {
		return nil, badRequest("Request_BadRequest", "Not a valid reference update.")
	}
	a := assignment{s.ids.guid(), b.PrincipalID, b.ResourceID, b.AppRoleID}
	if slices.ContainsFunc(s.registry.assignments, func(o assignment) bool { return o.role == a.role }) {
		return nil, badRequest("Request_BadRequest", "Permission being assigned already exists on the object")
	}
	s.registry.assignments = append(s.registry.assignments, a)
	s.tenant.App.Roles = append(s.tenant.App.Roles, value)
	return created(c, a.object())
}

// permissionGrantOf is the grant, also of a tenant that was set up before; the
// caller holds mu.
func (s *Simulator) permissionGrantOf() *permissionGrant {
	if r := &s.registry; r.grant == nil && r.principal && len(s.tenant.App.Scopes) > 0 {
		r.grant = &permissionGrant{s.ids.guid(), r.principalID, s.graphApp.principal, strings.Join(s.tenant.App.Scopes, " ")}
	}
	return s.registry.grant
}

func (s *Simulator) listGrants(c *call) (object, error) {
	q, err := s.readQuery(c, "$top", "$filter")
	if err != nil {
		return nil, err
	}
	keep, err := parseFilterOf(q.values.Get("$filter"), permissionGrant{}.object())
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	list := []object{}
	if g := s.permissionGrantOf(); g != nil && keep(g.object()) {
		list = append(list, g.object())
	}
	s.mu.Unlock()
	return s.page(c, q, list, "oauth2PermissionGrants")
}

// createGrant consents to delegated permissions, for everybody.
func (s *Simulator) createGrant(c *call) (object, error) {
	var b struct {
		ClientID    string  `json:"clientId"`
		ConsentType string  `json:"consentType"`
		PrincipalID *string `json:"principalId"`
		ResourceID  string  `json:"resourceId"`
		Scope       string  `json:"scope"`
	}
	if err := readJSON(c, &b, "clientId", "consentType", "principalId", "resourceId", "scope"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range []string{b.ClientID, b.ResourceID} {
		if _, err := s.principal(id); err != nil {
			return nil, err
		}
	}
	switch {
	case b.ConsentType != "AllPrincipals" || b.PrincipalID != nil || b.ClientID != s.registry.principalID || b.ResourceID != s.graphApp.principal:
		return nil, badRequest("Request_BadRequest", "Invalid value specified for a property of resource 'OAuth2PermissionGrant'.")
	case s.permissionGrantOf() != nil:
		return nil, &graphError{status: 409, code: "Request_MultipleObjectsWithSameKeyValue", message: "Permission entry already exists."}
	}
	if err := s.grantScope(b.Scope); err != nil {
		return nil, err
	}
	s.registry.grant = &permissionGrant{s.ids.guid(), b.ClientID, b.ResourceID, b.Scope}
	return created(c, s.registry.grant.object())
}

func (s *Simulator) updateGrant(c *call) (object, error) {
	var b struct {
		Scope string `json:"scope"`
	}
	if err := readJSON(c, &b, "scope"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.permissionGrantOf()
	if g == nil || g.id != c.arg[0] {
		return nil, notFound(c.arg[0])
	}
	if err := s.grantScope(b.Scope); err != nil {
		return nil, err
	}
	g.scope = b.Scope
	return nil, nil
}

// grantScope makes permissions count at sign-in; the caller holds mu.
func (s *Simulator) grantScope(scope string) error {
	permissions := []string{}
	for value := range strings.FieldsSeq(scope) {
		if _, ok := s.graphApp.scopes[value]; !ok {
			return badRequest("Request_BadRequest", "The permission "+value+" is not one of the resource.")
		}
		switch value {
		case "openid", "profile", "email", "offline_access":
		default:
			permissions = append(permissions, value)
		}
	}
	s.tenant.App.Scopes = permissions
	return nil
}
