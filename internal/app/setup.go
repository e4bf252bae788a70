package app

import (
	"cmp"
	"context"
	"crypto/x509"
	"log/slog"
	"strings"

	"jtel.de/presencebridge/internal/graph/admin"
	"jtel.de/presencebridge/internal/graph/sdk"
	"jtel.de/presencebridge/internal/graph/signin"
	"jtel.de/presencebridge/internal/people"
	"jtel.de/presencebridge/internal/setup"
)

// adminClient is Microsoft's public client "Microsoft Graph Command Line Tools",
// which is in every tenant. Source: Entra ID, "first-party applications".
const adminClient = "14d82eec-204b-4c2f-b7e8-296a70dab67e"

// The permissions that an administrator is asked for: what setting up writes,
// and what it reads to change only what differs.
var adminPermissions = []string{
	"Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All", "DelegatedPermissionGrant.ReadWrite.All",
	"User.ReadWrite.All", "GroupMember.Read.All", "Organization.Read.All",
}

// SetupOptions of [Setup]; what Setup itself fills in may be left out.
type SetupOptions struct {
	setup.Options
	TenantID string // or a domain of it; empty: that of whoever signs in
	ClientID string // of the public client to sign in by; empty: Microsoft's own
	Log      *slog.Logger
	Show     func(Prompt)
}

// Setup signs an administrator in with a browser, and does what the guide says.
// Nothing is kept of that sign-in.
func Setup(ctx context.Context, o SetupOptions) (setup.Facts, error) {
	roots, err := trustRoots(o.Facts.CAFile)
	if err != nil {
		return o.Facts, err
	}
	o.BaseURL = cmp.Or(o.Facts.Graph, "https://graph.microsoft.com/v1.0")
	client, err := o.signIn(ctx, roots)
	if err != nil {
		return o.Facts, err
	}
	o.Options.Directory = admin.Directory{Client: client}
	who := o.Facts.People
	o.Options.Count = func(ctx context.Context) (int, error) {
		r, err := people.Resolve(ctx, client, people.Selection{Groups: who.Groups, Users: who.Users, All: who.All, Exclude: who.Exclude})
		return len(r.People), err
	}
	return setup.Run(ctx, o.Options)
}

// signIn gives Graph as the administrator.
func (o SetupOptions) signIn(ctx context.Context, roots *x509.CertPool) (*sdk.Client, error) {
	options := signin.Options{
		Authority: cmp.Or(o.Facts.Authority, "https://login.microsoftonline.com"),
		TenantID:  cmp.Or(o.TenantID, "organizations"), ClientID: cmp.Or(o.ClientID, adminClient),
		Public: true, HTTP: signin.NewHTTP(roots), Log: o.Log,
	}
	asked := adminPermissions
	if o.ResetPasswords {
		asked = append(asked[:len(asked):len(asked)], "User-PasswordProfile.ReadWrite.All")
	}
	all := sdk.Scope(o.BaseURL)
	resource := strings.TrimSuffix(all, ".default")
	scopes := make([]string, len(asked))
	for i, permission := range asked {
		scopes[i] = resource + permission
	}
	s, err := signin.DeviceCode(ctx, options, scopes, o.Show)
	if err != nil {
		return nil, err
	}
	options.TenantID = cmp.Or(s.TenantID, options.TenantID)
	credential, err := signin.NewSession(options, s, "run presencebridge setup again")
	if err != nil {
		return nil, err
	}
	return sdk.New(sdk.Options{BaseURL: o.BaseURL, Credential: credential, Roots: roots, Log: o.Log})
}
