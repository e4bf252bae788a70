package graphsim

import (
	"cmp"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Tenant is a simulated directory.
type Tenant struct {
	ID, Domain string
	App        App
	Accounts   []Account // service users; the directory lists them among the users
	// Administrators may sign in to Microsoft's public client and change the
	// directory, which lists them too.
	Administrators []Account
	Users          []User
	Groups         []Group
	// PasswordValidityDays is the domain's policy; 0 means 90, 2147483647 never,
	// a negative one that the domain names none.
	PasswordValidityDays int
	// NoApp starts without an app registration: somebody has to make it.
	NoApp bool
}

// App is the app registration.
type App struct {
	ID, ObjectID, DisplayName, Secret string
	// SecretExpires is what the directory tells; SecretExpired is what sign-in does.
	SecretExpires time.Time
	SecretExpired bool
	Disabled      bool
	// AssignmentRequired makes every validationTokens null.
	AssignmentRequired bool
	// PublicClient allows grants of users without the secret.
	PublicClient bool
	// Certificate verifies client assertions, and so does each of Certificates;
	// without any they are refused.
	Certificate  *x509.Certificate
	Certificates []*x509.Certificate
	// Secrets are good besides Secret.
	Secrets []AppSecret
	// Assigned are the display names of those who are assigned to the app.
	Assigned []string
	// Roles are the granted application permissions, Scopes the consented delegated
	// ones; nil means all that the product needs, empty means none.
	Roles, Scopes []string
}

// Account is a service user.
type Account struct {
	ID, Username, Password, DisplayName string

	MFA, Disabled, PasswordExpired, Federated bool

	PasswordPolicies string    // as "DisablePasswordExpiration"
	PasswordChanged  time.Time // zero means 30 days before the start

	// DirectoryRoles are the template ids of administrators' roles, beside that
	// of an ordinary member.
	DirectoryRoles []string
}

// User is somebody in the directory. The empty string is null at Graph.
type User struct {
	ID, UserPrincipalName, Mail, DisplayName string

	BusinessPhones             []string
	MobilePhone, UsageLocation string
	PasswordPolicies           string
	PasswordChanged            time.Time

	Disabled, Guest, Synchronised bool
	// NoTeams people have no licence: their presence is PresenceUnknown.
	NoTeams bool
	// StatusMessage is what the person wrote, and WorkLocation where they work
	// ("office", "remote"); empty: nothing. Only reads tell them, as at Graph.
	StatusMessage, WorkLocation string
}

// Group holds users and groups, by id.
type Group struct {
	ID, DisplayName string
	Members         []string
}

// DefaultRoles and DefaultScopes are the permissions of the default app.
var (
	DefaultRoles  = []string{"Application.Read.All", "Domain.Read.All", "GroupMember.Read.All", "Presence.Read.All", "User.Read.All"}
	DefaultScopes = []string{"Presence.Read.All", "User.Read"}
)

func (t Tenant) clone() Tenant {
	t.App.Roles, t.App.Scopes, t.App.Assigned = slices.Clone(t.App.Roles), slices.Clone(t.App.Scopes), slices.Clone(t.App.Assigned)
	t.App.Secrets, t.App.Certificates = slices.Clone(t.App.Secrets), slices.Clone(t.App.Certificates)
	t.Administrators = slices.Clone(t.Administrators)
	t.Accounts, t.Users, t.Groups = slices.Clone(t.Accounts), slices.Clone(t.Users), slices.Clone(t.Groups)
	for i := range t.Users {
		t.Users[i].BusinessPhones = slices.Clone(t.Users[i].BusinessPhones)
	}
	for i := range t.Groups {
		t.Groups[i].Members = slices.Clone(t.Groups[i].Members)
	}
	return t
}

// complete makes up what is missing.
func (t *Tenant) complete(d *dice, now time.Time) {
	id := func(s *string) {
		if *s == "" {
			*s = d.guid()
		}
		*s = strings.ToLower(*s)
	}
	id(&t.ID)
	t.Domain = cmp.Or(t.Domain, "contoso.com")
	if !t.NoApp {
		id(&t.App.ID)
		id(&t.App.ObjectID)
		t.App.complete(now)
	}
	t.PasswordValidityDays = cmp.Or(t.PasswordValidityDays, 90)
	for _, accounts := range [][]Account{t.Accounts, t.Administrators} {
		for i := range accounts {
			a := &accounts[i]
			id(&a.ID)
			a.DisplayName = cmp.Or(a.DisplayName, a.Username)
			if a.PasswordChanged.IsZero() {
				a.PasswordChanged = now.AddDate(0, 0, -30)
			}
		}
	}
	for i := range t.Users {
		id(&t.Users[i].ID)
		if t.Users[i].PasswordChanged.IsZero() {
			t.Users[i].PasswordChanged = now.AddDate(0, 0, -30)
		}
	}
	for i := range t.Groups {
		id(&t.Groups[i].ID)
	}
}

func (a *App) complete(now time.Time) {
	a.DisplayName = cmp.Or(a.DisplayName, "Presence Bridge")
	if a.SecretExpires.IsZero() {
		a.SecretExpires = now.AddDate(0, 6, 0)
	}
	if a.Roles == nil {
		a.Roles = slices.Clone(DefaultRoles)
	}
	if a.Scopes == nil {
		a.Scopes = slices.Clone(DefaultScopes)
	}
}

// emptyTenant has the same people, an administrator, and nothing set up.
func emptyTenant(people int, d *dice) Tenant {
	t := defaultTenant(people, d)
	t.App, t.Accounts, t.NoApp = App{}, nil, true
	t.Administrators = []Account{{ID: d.guid(), Username: "admin@" + t.Domain, DisplayName: "Administrator", MFA: true}}
	return t
}

// defaultTenant has people as directories have them: mostly orderly, some with
// another e-mail than their user name, without e-mail, with numbers in national
// form, and two who share one. Numbers are of the range that Berlin keeps for fiction.
func defaultTenant(people int, d *dice) Tenant {
	t := Tenant{ID: d.guid(), Domain: "contoso.com", App: App{ID: d.guid(), ObjectID: d.guid(), Secret: "sim~" + strings.ReplaceAll(d.guid(), "-", "")}}
	for i := range max(2, (people+649)/650) {
		t.Accounts = append(t.Accounts, Account{
			ID: d.guid(), Username: fmt.Sprintf("svc-presence-%d@%s", i+1, t.Domain), DisplayName: fmt.Sprintf("Presence Service %d", i+1),
			Password: "Pw-" + d.guid(), PasswordPolicies: "DisablePasswordExpiration",
		})
	}
	for i := range people {
		n := i + 1
		u := User{
			ID: d.guid(), UserPrincipalName: fmt.Sprintf("agent%02d@%s", n, t.Domain), Mail: fmt.Sprintf("agent%02d@%s", n, t.Domain),
			DisplayName: fmt.Sprintf("Agent %02d", n), UsageLocation: "DE", BusinessPhones: []string{fmt.Sprintf("+493023125%03d", n)},
		}
		switch n % 8 {
		case 3:
			u.Mail = fmt.Sprintf("agent.%02d@mail.%s", n, t.Domain)
		case 4:
			u.BusinessPhones = []string{fmt.Sprintf("030 23125 %03d", n)}
		case 5:
			u.BusinessPhones, u.MobilePhone = nil, fmt.Sprintf("+49 30 23125-%03d", n)
		case 6:
			u.Mail = ""
		case 7:
			u.BusinessPhones = nil
		}
		t.Users = append(t.Users, u)
	}
	if people >= 10 { // two desks, one number
		t.Users[8].BusinessPhones = slices.Clone(t.Users[7].BusinessPhones)
	}
	var teams [2]Group
	for i := range teams {
		teams[i] = Group{ID: d.guid(), DisplayName: "Team " + string(rune('A'+i))}
	}
	for i, u := range t.Users {
		team := &teams[i*2/len(t.Users)]
		team.Members = append(team.Members, u.ID)
	}
	centre := Group{ID: d.guid(), DisplayName: "Contact Centre", Members: []string{teams[0].ID, teams[1].ID, t.Users[0].ID}}
	t.Groups = []Group{centre, teams[0], teams[1]}
	return t
}
