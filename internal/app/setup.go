package app

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/graph"
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
	// PollEvery is how often Entra ID is asked whether the code was entered; zero
	// is as often as it wants to be asked.
	PollEvery time.Duration
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
	o.Options.Try = o.try(roots)
	facts, err := setup.Run(ctx, o.Options)
	if g, ok := errors.AsType[*graph.Error](err); ok && g.Status == http.StatusForbidden {
		err = fmt.Errorf("%w; sign in as somebody with the role Global Administrator, or with the roles that the set-up guide names", err)
	}
	return facts, err
}

// try signs in as the service will: with what is in the files.
func (o SetupOptions) try(roots *x509.CertPool) func(context.Context, setup.Facts, string) error {
	return func(ctx context.Context, f setup.Facts, username string) error {
		t := config.Tenant{Name: f.Tenant, ID: f.TenantID, ClientID: f.ClientID}
		if f.CertificateFile != "" {
			t.ClientCertificate = config.SecretFile(f.CertificateFile)
		} else {
			t.ClientSecret = config.SecretFile(f.SecretFile)
		}
		for _, a := range f.Accounts {
			t.Accounts = append(t.Accounts, config.Account{Username: a.Username, Password: config.SecretFile(a.PasswordFile)})
		}
		g := config.Graph{BaseURL: o.BaseURL, Authority: cmp.Or(f.Authority, microsoftAuthority)}
		now := func() config.Tenant { return t }
		c := newConnection(g, now, roots, o.Log)
		credential, err := signin.NewApp(c.signIn)
		if username != "" {
			credential, err = signin.NewUser(c.signIn, username, func() (string, error) { return password(t, username) })
		}
		if err != nil {
			return err
		}
		_, err = credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{sdk.Scope(o.BaseURL)}})
		return err
	}
}

const microsoftAuthority = "https://login.microsoftonline.com"

// signIn gives Graph as the administrator.
func (o SetupOptions) signIn(ctx context.Context, roots *x509.CertPool) (*sdk.Client, error) {
	options := signin.Options{
		Authority: cmp.Or(o.Facts.Authority, microsoftAuthority),
		TenantID:  cmp.Or(o.TenantID, "organizations"), ClientID: cmp.Or(o.ClientID, adminClient),
		Public: true, PollEvery: o.PollEvery, HTTP: signin.NewHTTP(roots), Log: o.Log,
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
