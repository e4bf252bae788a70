package graphsim

import (
	"net/http"
	"strings"
)

// route is one row of what Graph offers.
type route struct {
	method  string
	pattern string // segments; a star stands for one segment or a part of one
	limit   limitClass
	cost    int // resource units, for the directory's limit
	allow   func(*call) bool
	do      func(*Simulator, *call) (object, error)
}

// has allows tokens that carry one of the permissions, delegated or application.
func has(permissions ...string) func(*call) bool {
	return func(c *call) bool { return c.who.may(permissions...) }
}

// readUsers: a user may read itself with User.Read.
func readUsers(c *call) bool {
	if c.who.may("User.Read.All", "User.ReadWrite.All", "Directory.Read.All") {
		return true
	}
	self := len(c.arg) == 1 && (strings.EqualFold(c.arg[0], c.who.oid) || strings.EqualFold(c.arg[0], c.who.user))
	return c.who.user != "" && (c.who.may("User.ReadBasic.All") || self && c.who.may("User.Read"))
}

// readPresence: a user may read its own with Presence.Read.
func readPresence(c *call) bool {
	self := len(c.arg) == 1 && strings.EqualFold(c.arg[0], c.who.oid)
	return c.who.may("Presence.Read.All") || self && c.who.user != "" && c.who.may("Presence.Read")
}

var (
	readGroups  = has("GroupMember.Read.All", "Group.Read.All", "Directory.Read.All")
	readApps    = has("Application.Read.All", "Application.ReadWrite.All", "Directory.Read.All")
	writeApps   = manages("Application.ReadWrite.All")
	writeGrants = manages("DelegatedPermissionGrant.ReadWrite.All")
	readDomains = has("Domain.Read.All", "Directory.Read.All")
)

// routes is filled in init because $batch leads back to it.
var routes []route

func init() {
	routes = []route{
		{"GET", "me", limitDirectory, 1, func(c *call) bool { return c.who.user != "" }, (*Simulator).getMe},
		{"GET", "me/presence", limitPresence, 0, func(c *call) bool { return c.who.user != "" && c.who.may("Presence.Read", "Presence.Read.All") }, (*Simulator).getMyPresence},
		{"GET", "users", limitDirectory, 2, readUsers, (*Simulator).listUsers},
		{"GET", "users/delta", limitDirectory, 2, readUsers, (*Simulator).usersDelta},
		{"GET", "users/*", limitDirectory, 1, readUsers, (*Simulator).getUser},
		{"GET", "users/*/presence", limitPresence, 0, readPresence, (*Simulator).getPresence},
		{"GET", "groups", limitDirectory, 2, readGroups, (*Simulator).listGroups},
		{"GET", "groups/*", limitDirectory, 1, readGroups, (*Simulator).getGroup},
		{"GET", "groups/*/transitiveMembers", limitDirectory, 5, readGroups, (*Simulator).listMembers},
		{"GET", "groups/*/transitiveMembers/microsoft.graph.user", limitDirectory, 5, readGroups, (*Simulator).listMemberUsers},
		{"GET", "applications(appId='*')", limitDirectory, 2, readApps, (*Simulator).getApplication},
		{"GET", "applications", limitDirectory, 2, readApps, (*Simulator).listApplications},
		{"POST", "applications", limitDirectory, 2, writeApps, (*Simulator).createApplication},
		{"GET", "applications/*", limitDirectory, 2, readApps, (*Simulator).getApplication},
		{"PATCH", "applications/*", limitDirectory, 2, writeApps, (*Simulator).updateApplication},
		{"POST", "applications/*/addPassword", limitDirectory, 2, writeApps, (*Simulator).addPassword},
		{"GET", "applications/*/owners", limitDirectory, 2, readApps, (*Simulator).listOwners},
		{"POST", "applications/*/owners/$ref", limitDirectory, 2, writeApps, (*Simulator).addOwner},
		{"POST", "servicePrincipals", limitDirectory, 2, writeApps, (*Simulator).createServicePrincipal},
		{"PATCH", "servicePrincipals/*", limitDirectory, 2, writeApps, (*Simulator).updateServicePrincipal},
		{"GET", "servicePrincipals/*/appRoleAssignments", limitDirectory, 1, readApps, (*Simulator).listAssignments},
		{"POST", "servicePrincipals/*/appRoleAssignedTo", limitDirectory, 2, manages("AppRoleAssignment.ReadWrite.All"), (*Simulator).createAssignment},
		{"GET", "oauth2PermissionGrants", limitDirectory, 1, has("DelegatedPermissionGrant.ReadWrite.All", "Directory.Read.All"), (*Simulator).listGrants},
		{"POST", "oauth2PermissionGrants", limitDirectory, 2, writeGrants, (*Simulator).createGrant},
		{"PATCH", "oauth2PermissionGrants/*", limitDirectory, 2, writeGrants, (*Simulator).updateGrant},
		{"POST", "users", limitDirectory, 2, manages("User.ReadWrite.All"), (*Simulator).createUser},
		{"PATCH", "users/*", limitDirectory, 2, manages("User.ReadWrite.All", "User-PasswordProfile.ReadWrite.All"), (*Simulator).updateUser},
		{"GET", "organization", limitDirectory, 1, has("User.Read", "Organization.Read.All", "Directory.Read.All"), (*Simulator).getOrganization},
		{"GET", "servicePrincipals(appId='*')", limitDirectory, 1, readApps, (*Simulator).getServicePrincipal},
		{"GET", "servicePrincipals(appId='*')/appRoleAssignedTo", limitDirectory, 1, readApps, (*Simulator).getAssignedTo},
		{"GET", "domains/*", limitDirectory, 1, readDomains, (*Simulator).getDomain},
		{"POST", "communications/getPresencesByUserId", limitPresence, 0, has("Presence.Read.All"), (*Simulator).getPresences},
		{"GET", "communications/presences/*", limitPresence, 0, readPresence, (*Simulator).getPresence},
		{"GET", "communications/presences('*')", limitPresence, 0, readPresence, (*Simulator).getPresence},
		{"POST", "subscriptions", limitWrite, 0, nil, (*Simulator).createSubscription},
		{"GET", "subscriptions", limitList, 0, nil, (*Simulator).listSubscriptions},
		{"GET", "subscriptions/*", limitGet, 0, nil, (*Simulator).getSubscription},
		{"PATCH", "subscriptions/*", limitWrite, 0, nil, (*Simulator).updateSubscription},
		{"DELETE", "subscriptions/*", limitWrite, 0, nil, (*Simulator).deleteSubscription},
		{"POST", "subscriptions/*/reauthorize", limitReauthorize, 0, nil, (*Simulator).reauthorizeSubscription},
		{"POST", "$batch", limitNone, 0, nil, (*Simulator).batch},
	}
}

// findRoute gives the first route that fits and fills c.arg.
func findRoute(c *call, path string) (route, error) {
	segments := strings.Split(strings.Trim(path, "/"), "/")
	otherMethod := false
	for _, r := range routes {
		arg, ok := match(strings.Split(r.pattern, "/"), segments)
		if !ok {
			continue
		}
		if r.method == c.Method {
			c.arg = arg
			return r, nil
		}
		otherMethod = true
	}
	if otherMethod {
		return route{}, &graphError{status: http.StatusMethodNotAllowed, code: "Request_BadRequest", message: "Specified HTTP method is not allowed for the request target."}
	}
	return route{}, badRequest("BadRequest", "Resource not found for the segment '"+segments[0]+"'.")
}

// match compares without regard to case, as Graph does.
func match(pattern, segments []string) (arg []string, ok bool) {
	if len(pattern) != len(segments) {
		return nil, false
	}
	for i, p := range pattern {
		before, after, star := strings.Cut(p, "*")
		s := segments[i]
		switch {
		case !star && !strings.EqualFold(p, s):
			return nil, false
		case star && (len(s) <= len(before)+len(after) || !strings.EqualFold(s[:len(before)], before) || !strings.EqualFold(s[len(s)-len(after):], after)):
			return nil, false
		case star:
			arg = append(arg, s[len(before):len(s)-len(after)])
		}
	}
	return arg, true
}
