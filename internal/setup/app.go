package setup

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/internal/graph/admin"
)

// permissions are those that the app gets of what the bridge uses: the optional
// ones too, which warn before secret and passwords end. Permission for hidden
// groups is left to whoever has some.
func (r *run) permissions(delegated bool) (names []string) {
	for _, p := range graph.Permissions() {
		switch {
		case p.Delegated != delegated, p.Need == graph.ForHidden:
		case p.Need == graph.ForGroups && len(r.Facts.People.Groups) == 0:
		case p.Need == graph.ForPush && !r.signsUsersIn():
		default:
			names = append(names, p.Name)
		}
	}
	return names
}

func (r *run) roles() []string { return r.permissions(false) }

// scopes also let a service user's sign-in last and say who it is.
func (r *run) scopes() []string {
	if names := r.permissions(true); len(names) > 0 {
		return append(names, "offline_access", "openid", "profile")
	}
	return nil
}

// signsUsersIn is false if everybody is only polled, which the app does itself.
func (r *run) signsUsersIn() bool { return !r.Facts.Poll || r.Accounts > 0 }

// required are the permissions by their ids in this tenant.
func (r *run) required() ([]admin.Access, error) {
	var all []admin.Access
	for _, value := range r.roles() {
		id, ok := r.graph.Role(value)
		if !ok {
			return nil, fmt.Errorf("this cloud's Graph offers no application permission %s", value)
		}
		all = append(all, admin.Access{ID: id, Type: "Role"})
	}
	for _, value := range r.scopes() {
		id, ok := r.graph.Scope(value)
		if !ok {
			return nil, fmt.Errorf("this cloud's Graph offers no delegated permission %s", value)
		}
		all = append(all, admin.Access{ID: id, Type: "Scope"})
	}
	return all, nil
}

// registerApp finds the app or makes it, and has it ask for the permissions.
func (r *run) registerApp(ctx context.Context) error {
	access, err := r.required()
	if err != nil {
		return err
	}
	found, err := r.findApp(ctx)
	if err != nil {
		return err
	}
	if !found {
		err := r.do(ctx, Made, fmt.Sprintf("app registration %q, asking for %s", r.Name, strings.Join(append(r.roles(), r.scopes()...), ", ")), func() (err error) {
			r.app, err = r.Directory.CreateApp(ctx, r.Name, []admin.Required{{ResourceAppID: admin.GraphAppID, Access: access}})
			r.Facts.ClientID = r.app.ClientID
			return err
		})
		if err != nil || r.DryRun {
			return err
		}
		return r.findable(ctx)
	}
	r.Facts.ClientID = r.app.ClientID
	r.say(Found, "app registration %q, client id %s", r.app.Name, r.app.ClientID)
	required, differs := widen(r.app.Required, access)
	if !differs {
		r.say(Found, "the app asks for every permission")
		return nil
	}
	return r.do(ctx, Changed, "the app asks for the permissions that were missing", func() error {
		return r.Directory.Require(ctx, r.app.ID, required)
	})
}

// findable waits until the new app is found by its name: names may be doubled, and
// a run that follows a failure closely must not make a second app.
func (r *run) findable(ctx context.Context) error {
	return r.patiently(ctx, "app registration", func() error {
		apps, err := r.Directory.AppsNamed(ctx, r.Name)
		if err == nil && len(apps) == 0 {
			err = &graph.Error{Status: 404, Code: "NotYet", Message: "the new app is not listed yet"}
		}
		return err
	})
}

func (r *run) findApp(ctx context.Context) (found bool, err error) {
	if r.ClientID != "" {
		r.app, err = r.Directory.App(ctx, r.ClientID)
		return err == nil, err
	}
	apps, err := r.Directory.AppsNamed(ctx, r.Name)
	switch {
	case err != nil || len(apps) == 0:
		return false, err
	case len(apps) > 1:
		var ids []string
		for _, a := range apps {
			ids = append(ids, a.ClientID)
		}
		return false, fmt.Errorf("%d apps are named %q: name the one that is meant with --client-id: %s", len(apps), r.Name, strings.Join(ids, ", "))
	}
	r.app = apps[0]
	return true, nil
}

// widen adds what is missing and takes nothing away.
func widen(have []admin.Required, access []admin.Access) (want []admin.Required, differs bool) {
	want = slices.Clone(have)
	i := slices.IndexFunc(want, func(q admin.Required) bool { return q.ResourceAppID == admin.GraphAppID })
	if i < 0 {
		return append(want, admin.Required{ResourceAppID: admin.GraphAppID, Access: access}), true
	}
	want[i].Access = slices.Clone(want[i].Access)
	for _, a := range access {
		if !slices.Contains(want[i].Access, a) {
			want[i].Access, differs = append(want[i].Access, a), true
		}
	}
	return want, differs
}

// servicePrincipal is the app in the tenant: to it permissions are granted.
func (r *run) servicePrincipal(ctx context.Context) error {
	if r.app.ClientID != "" {
		p, err := r.Directory.Principal(ctx, r.app.ClientID)
		if err != nil && graph.Classify(err) != graph.NotFound {
			return err
		}
		if err == nil {
			r.principal = p
			return r.keepPrincipal(ctx)
		}
	}
	return r.do(ctx, Made, "service principal, to which nobody must be assigned", func() error {
		p, err := r.Directory.CreatePrincipal(ctx, r.app.ClientID)
		if admin.Exists(err) { // made by the portal, or by a try whose answer was lost
			p, err = r.Directory.Principal(ctx, r.app.ClientID)
		}
		r.principal = p
		return err
	})
}

func (r *run) keepPrincipal(ctx context.Context) error {
	if !r.principal.Enabled {
		r.say(Problem, "the app is disabled in the tenant: enable it in Entra ID, Enterprise applications, %s, Properties", r.app.Name)
	}
	if !r.principal.AssignmentRequired {
		r.say(Found, "service principal, to which nobody must be assigned")
		return nil
	}
	return r.do(ctx, Changed, "nobody must be assigned to the app any more", func() error {
		return r.Directory.RequireNoAssignment(ctx, r.principal.ID)
	})
}

// applicationPermissions are consented to one by one.
func (r *run) applicationPermissions(ctx context.Context) error {
	var granted []string
	if r.principal.ID != "" {
		err := r.patiently(ctx, "application permissions", func() (err error) {
			granted, err = r.Directory.GrantedRoles(ctx, r.principal.ID, r.graph.ID)
			return err
		})
		if err != nil {
			return err
		}
	}
	for _, value := range r.roles() {
		id, _ := r.graph.Role(value)
		if slices.Contains(granted, id) {
			r.say(Found, "consent to %s (application)", value)
			continue
		}
		err := r.do(ctx, Made, fmt.Sprintf("consent to %s (application)", value), func() error {
			return r.Directory.GrantRole(ctx, r.principal.ID, r.graph.ID, id)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// delegatedPermissions are consented to together, for everybody.
func (r *run) delegatedPermissions(ctx context.Context) error {
	scopes := r.scopes()
	if len(scopes) == 0 {
		return nil
	}
	var g admin.Grant
	if r.principal.ID != "" {
		err := r.patiently(ctx, "delegated permissions", func() (err error) {
			g, err = r.Directory.Grant(ctx, r.principal.ID, r.graph.ID)
			return err
		})
		if err != nil {
			return err
		}
	}
	have := strings.Fields(g.Scope)
	want, missing := slices.Clone(have), []string{}
	for _, s := range scopes {
		if !slices.Contains(have, s) {
			want, missing = append(want, s), append(missing, s)
		}
	}
	if len(missing) == 0 {
		r.say(Found, "consent to %s (delegated)", strings.Join(scopes, ", "))
		return nil
	}
	return r.do(ctx, Made, fmt.Sprintf("consent to %s (delegated)", strings.Join(missing, ", ")), func() error {
		err := r.Directory.Consent(ctx, r.principal.ID, r.graph.ID, g, want)
		if g.ID == "" && admin.Exists(err) {
			return nil
		}
		return err
	})
}
