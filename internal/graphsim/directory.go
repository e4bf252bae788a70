package graphsim

import (
	"slices"
	"strings"
	"time"
)

// directory remembers what changed when, for delta queries.
type directory struct {
	version int
	changed map[string]int // user id → version
	removed map[string]int
	// talkative are the people with a status message or a work location, by id.
	talkative map[string]User
}

// enter makes a user known to presence and delta; the caller holds mu.
func (s *Simulator) enter(u User) {
	d := &s.directory
	if d.changed == nil {
		d.changed, d.removed, d.talkative = map[string]int{}, map[string]int{}, map[string]User{}
	}
	d.version++
	d.changed[u.ID] = d.version
	delete(d.removed, u.ID)
	delete(d.talkative, u.ID)
	if u.StatusMessage != "" || u.WorkLocation != "" {
		d.talkative[u.ID] = u
	}
	if _, ok := s.presences[u.ID]; !ok && !u.NoTeams {
		s.sequence++
		s.presences[u.ID] = state{"Available", "Available", s.sequence}
	}
	if u.NoTeams {
		delete(s.presences, u.ID)
	}
}

// PutUser adds a user or replaces the one with the same id; the id is made up when
// empty and given back.
func (s *Simulator) PutUser(u User) string {
	if u.ID == "" {
		u.ID = s.ids.guid()
	}
	u.ID = strings.ToLower(u.ID)
	s.mu.Lock()
	defer s.mu.Unlock()
	if u.PasswordChanged.IsZero() {
		u.PasswordChanged = time.Now()
	}
	if i := slices.IndexFunc(s.tenant.Users, func(o User) bool { return o.ID == u.ID }); i >= 0 {
		s.tenant.Users[i] = u
	} else {
		s.tenant.Users = append(s.tenant.Users, u)
	}
	s.enter(u)
	return u.ID
}

// RemoveUser deletes a user, also from groups. It reports whether it existed.
func (s *Simulator) RemoveUser(id string) bool {
	id = strings.ToLower(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.tenant.Users)
	s.tenant.Users = slices.DeleteFunc(s.tenant.Users, func(u User) bool { return u.ID == id })
	if len(s.tenant.Users) == n {
		return false
	}
	for i := range s.tenant.Groups {
		g := &s.tenant.Groups[i]
		g.Members = slices.DeleteFunc(g.Members, func(m string) bool { return strings.EqualFold(m, id) })
	}
	delete(s.presences, id)
	delete(s.directory.changed, id)
	delete(s.directory.talkative, id)
	s.directory.version++
	s.directory.removed[id] = s.directory.version
	return true
}

// PutGroup adds a group or replaces the one with the same id.
func (s *Simulator) PutGroup(g Group) string {
	if g.ID == "" {
		g.ID = s.ids.guid()
	}
	g.ID = strings.ToLower(g.ID)
	g.Members = slices.Clone(g.Members)
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.IndexFunc(s.tenant.Groups, func(o Group) bool { return o.ID == g.ID }); i >= 0 {
		s.tenant.Groups[i] = g
	} else {
		s.tenant.Groups = append(s.tenant.Groups, g)
	}
	return g.ID
}

// SetApp changes the app registration: its secret, certificate, permissions, state.
func (s *Simulator) SetApp(change func(*App)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.tenant.App)
}

// SetAccount changes a service user. It reports whether there is one of that name.
func (s *Simulator) SetAccount(username string, change func(*Account)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.account(username)
	if a != nil {
		change(a)
	}
	return a != nil
}

// people are all users, the service users last; the caller holds mu.
func (s *Simulator) people() []User {
	list := slices.Clone(s.tenant.Users)
	for _, a := range append(slices.Clone(s.tenant.Accounts), s.tenant.Administrators...) {
		if !s.everywhere(a.ID) {
			continue
		}
		list = append(list, User{
			ID: a.ID, UserPrincipalName: a.Username, DisplayName: a.DisplayName, Disabled: a.Disabled,
			PasswordPolicies: a.PasswordPolicies, PasswordChanged: a.PasswordChanged, Synchronised: a.Federated, NoTeams: true,
		})
	}
	return list
}

// listedByDefault are the properties that come without $select.
var listedByDefault = []string{"businessPhones", "displayName", "givenName", "jobTitle", "mail", "mobilePhone", "officeLocation", "preferredLanguage", "surname", "userPrincipalName", "id"}

// properties are all that the simulator knows of a user. basic hides what
// User.ReadBasic.All does not show.
func (u User) properties(basic bool) object {
	o := object{
		"id": u.ID, "userPrincipalName": u.UserPrincipalName, "mail": orNull(u.Mail), "displayName": u.DisplayName,
		"givenName": nil, "surname": nil, "jobTitle": nil, "officeLocation": nil, "preferredLanguage": nil,
		"businessPhones": append([]string{}, u.BusinessPhones...), "mobilePhone": orNull(u.MobilePhone), "usageLocation": orNull(u.UsageLocation),
		"accountEnabled": !u.Disabled, "userType": "Member", "passwordPolicies": orNull(u.PasswordPolicies),
		"lastPasswordChangeDateTime": u.PasswordChanged.UTC().Format(time.RFC3339), "onPremisesSyncEnabled": nil,
	}
	if u.Guest {
		o["userType"] = "Guest"
	}
	if u.Synchronised {
		o["onPremisesSyncEnabled"] = true
	}
	if basic {
		for _, hidden := range []string{"businessPhones", "mobilePhone", "usageLocation", "accountEnabled", "passwordPolicies", "lastPasswordChangeDateTime", "userType", "onPremisesSyncEnabled", "jobTitle", "officeLocation", "preferredLanguage"} {
			o[hidden] = nil
		}
		o["businessPhones"] = []string{}
	}
	return o
}

// pick keeps what $select names.
func pick(o object, names []string) (object, error) {
	picked := object{}
	for _, name := range names {
		value, ok := o[name]
		if !ok {
			return nil, badRequest("BadRequest", "Parsing OData Select and Expand failed: Could not find a property named '"+name+"' on the type.")
		}
		picked[name] = value
	}
	return picked, nil
}
