package graphsim

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// AdminClient is Microsoft's own public client "Microsoft Graph Command Line
// Tools", by which administrators sign in to change the directory.
const AdminClient = "14d82eec-204b-4c2f-b7e8-296a70dab67e"

// clientOf is the client of a sign-in: the app registration, or Microsoft's own
// public client, which exists in every tenant; the caller holds mu.
func (s *Simulator) clientOf(id string) (App, bool) {
	switch {
	case strings.EqualFold(id, AdminClient):
		return App{ID: AdminClient, ObjectID: s.graphApp.toolsPrincipal, DisplayName: "Microsoft Graph Command Line Tools", PublicClient: true, Scopes: s.registry.consented}, true
	case s.tenant.App.ID != "" && strings.EqualFold(id, s.tenant.App.ID) && s.everywhere(s.tenant.App.ObjectID):
		return s.tenant.App, true
	}
	return App{}, false
}

// administrator finds one by name; the caller holds mu.
func (s *Simulator) administrator(upn string) *Account {
	for i := range s.tenant.Administrators {
		if strings.EqualFold(s.tenant.Administrators[i].Username, upn) {
			return &s.tenant.Administrators[i]
		}
	}
	return nil
}

// consent is what an administrator grants in the browser while signing in to
// Microsoft's client: whatever it asks for.
func (s *Simulator) consent(g *grant, a Account) (code int) {
	permissions, _, ok := s.scopes(g.form.Get("scope"))
	if !ok {
		return 70011
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if new := without(permissions, append([]string{".default"}, s.registry.consented...)); len(new) > 0 {
		if s.administrator(a.Username) == nil {
			return 90094
		}
		s.registry.consented = append(s.registry.consented, new...)
	}
	g.app.Scopes = slices.Clone(s.registry.consented)
	return 0
}

// manages allows an administrator whose token carries one of the permissions.
// Graph wants both: the client's permission and the person's role.
func manages(permissions ...string) func(*call) bool {
	return func(c *call) bool { return c.who.administrator && c.who.user != "" && c.who.may(permissions...) }
}

// replicate makes an object known to other requests only after a while; the caller
// holds mu.
func (s *Simulator) replicate(id string) {
	if lag := s.faults.DirectoryLag; lag > 0 {
		s.registry.settles[id] = time.Now().Add(s.scaled(lag))
	}
}

// everywhere reports whether an object is known everywhere; the caller holds mu.
func (s *Simulator) everywhere(id string) bool { return time.Now().After(s.registry.settles[id]) }

func conflicting(property string) error {
	return badRequest("Request_BadRequest", "Another object with the same value for property "+property+" already exists.")
}

func missing(property string) error {
	return badRequest("Request_BadRequest", "A value is required for property '"+property+"' of resource.")
}

// created answers 201.
func created(c *call, o object) (object, error) {
	c.status = http.StatusCreated
	return o, nil
}
