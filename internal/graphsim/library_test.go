package graphsim_test

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"

	"jtel.de/presencebridge/internal/graphsim"
)

// Microsoft's own libraries must be content with the authority.
func TestMicrosoftLibraries(t *testing.T) {
	b := start(t, graphsim.Options{Faults: graphsim.Faults{UnknownMembers: true}})
	tenant := b.Tenant()
	scopes := []string{"https://graph.microsoft.com/.default"}

	app, err := azidentity.NewClientSecretCredential(tenant.ID, tenant.App.ID, tenant.App.Secret, &azidentity.ClientSecretCredentialOptions{
		ClientOptions:            azcore.ClientOptions{Cloud: cloud.Configuration{ActiveDirectoryAuthorityHost: b.AuthorityURL()}, Transport: b.http},
		DisableInstanceDiscovery: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	token, err := app.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: scopes, EnableCAE: true})
	if err != nil {
		t.Fatal(err)
	}
	if a := b.graph(token.Token, "GET", "/users", nil); a.status != 200 {
		t.Errorf("app: %s", a.raw)
	}

	cred, err := confidential.NewCredFromSecret(tenant.App.Secret)
	if err != nil {
		t.Fatal(err)
	}
	c, err := confidential.New(b.AuthorityURL()+"/"+tenant.ID, tenant.App.ID, cred, confidential.WithHTTPClient(addSecret{b.http, tenant.App.Secret}), confidential.WithInstanceDiscovery(false))
	if err != nil {
		t.Fatal(err)
	}
	result, err := c.AcquireTokenByUsernamePassword(t.Context(), scopes, tenant.Accounts[0].Username, tenant.Accounts[0].Password)
	if err != nil {
		t.Fatal(err)
	}
	if a := b.graph(result.AccessToken, "GET", "/me", nil); a.body["userPrincipalName"] != tenant.Accounts[0].Username {
		t.Errorf("user: %s", a.raw)
	}
	if _, err := c.AcquireTokenSilent(t.Context(), scopes, confidential.WithSilentAccount(result.Account)); err != nil {
		t.Error(err)
	}
}

// addSecret adds the secret to the password grant, which the library leaves out.
type addSecret struct {
	*http.Client
	secret string
}

func (a addSecret) Do(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPost {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, err
		}
		form.Set("client_secret", a.secret)
		body = []byte(form.Encode())
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	return a.Client.Do(r)
}
