package graphsim

import (
	"crypto/x509"
	"slices"
	"time"
)

// registry is what administrators write into the directory about the app. What
// counts at sign-in is in Tenant.App; this is how it came to be.
type registry struct {
	principal   bool     // the app has a service principal in the tenant
	principalID string   // its object id
	required    []object // requiredResourceAccess, as it was written
	assignments []assignment
	grant       *permissionGrant
	owners      []string // object ids
	// consented are the permissions of Microsoft's public client.
	consented []string
	settles   map[string]time.Time // object id → from when everybody knows it
}

// assignment of an app role, which is an application permission.
type assignment struct{ id, principal, resource, role string }

func (a assignment) object() object {
	return object{"id": a.id, "principalId": a.principal, "principalType": "ServicePrincipal", "resourceId": a.resource, "resourceDisplayName": "Microsoft Graph", "appRoleId": a.role, "deletedDateTime": nil}
}

// permissionGrant of delegated permissions to everybody.
type permissionGrant struct{ id, client, resource, scope string }

func (g permissionGrant) object() object {
	return object{"id": g.id, "clientId": g.client, "consentType": "AllPrincipals", "principalId": nil, "resourceId": g.resource, "scope": g.scope}
}

// AppSecret is a client secret beside App.Secret.
type AppSecret struct {
	KeyID, DisplayName, Value string
	Expires                   time.Time
}

// graphAppID is Microsoft Graph itself, in every tenant.
const graphAppID = "00000003-0000-0000-c000-000000000000"

// graphApp is the service principal of Microsoft Graph: its ids follow from the
// seed, so that nobody gets away with knowing them by heart.
type graphApp struct {
	principal, toolsPrincipal string
	roles, scopes             map[string]string // value → id
}

// What the principal of Graph offers here, of its several hundred permissions.
var (
	graphRoles = []string{
		"Application.Read.All", "Application.ReadWrite.All", "Domain.Read.All", "GroupMember.Read.All", "Member.Read.Hidden",
		"Presence.Read.All", "Presence.ReadWrite.All", "User.Read.All", "User.ReadWrite.All",
	}
	graphScopes = []string{
		"Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All", "DelegatedPermissionGrant.ReadWrite.All", "Domain.Read.All",
		"GroupMember.Read.All", "Organization.Read.All", "Presence.Read", "Presence.Read.All", "User.Read", "User.Read.All",
		"User.ReadWrite.All", "User-PasswordProfile.ReadWrite.All", "email", "offline_access", "openid", "profile",
	}
)

func newGraphApp(d *dice) graphApp {
	g := graphApp{principal: d.guid(), toolsPrincipal: d.guid(), roles: map[string]string{}, scopes: map[string]string{}}
	for _, value := range graphRoles {
		g.roles[value] = d.guid()
	}
	for _, value := range graphScopes {
		g.scopes[value] = d.guid()
	}
	return g
}

func (g graphApp) object() object {
	roles, scopes := []object{}, []object{}
	for _, value := range graphRoles {
		roles = append(roles, object{"id": g.roles[value], "value": value, "allowedMemberTypes": []string{"Application"}, "isEnabled": true, "displayName": value, "origin": "Application"})
	}
	for _, value := range graphScopes {
		scopes = append(scopes, object{"id": g.scopes[value], "value": value, "type": "Admin", "isEnabled": true, "adminConsentDisplayName": value})
	}
	return object{
		"id": g.principal, "appId": graphAppID, "displayName": "Microsoft Graph", "accountEnabled": true, "appRoleAssignmentRequired": false,
		"appRoles": roles, "oauth2PermissionScopes": scopes, "servicePrincipalType": "Application",
	}
}

// roleValue is the permission behind an id.
func roleValue(ids map[string]string, id string) (value string, ok bool) {
	for value, known := range ids {
		if known == id {
			return value, true
		}
	}
	return "", false
}

// begin gives the registry of a tenant whose app was set up before.
func (r *registry) begin(t *Tenant, g graphApp, d *dice) {
	r.settles = map[string]time.Time{}
	if t.App.ID == "" {
		return
	}
	r.principal, r.principalID = true, d.guid()
	for _, role := range t.App.Roles {
		if id, ok := g.roles[role]; ok {
			r.assignments = append(r.assignments, assignment{d.guid(), r.principalID, g.principal, id})
		}
	}
}

// certificates are all that verify client assertions.
func (a App) certificates() []*x509.Certificate {
	if a.Certificate == nil {
		return a.Certificates
	}
	return append(slices.Clone(a.Certificates), a.Certificate)
}

// takes reports whether a client secret is one of the app's, and whether it has ended.
func (a App) takes(secret string, now time.Time) (known, expired bool) {
	if secret == a.Secret && a.Secret != "" {
		return true, a.SecretExpired
	}
	for _, s := range a.Secrets {
		if s.Value == secret {
			return true, now.After(s.Expires)
		}
	}
	return false, false
}
