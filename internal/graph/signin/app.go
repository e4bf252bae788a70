package signin

import (
	"context"
	"fmt"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
)

// NewApp is the app itself, without a user (client credentials grant).
func NewApp(o Options) (*Credential, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("credential of app %s: %w", o.ClientID, err)
	}
	return newCredential("app "+o.ClientID, app{o}, o.Log), nil
}

type app struct{ Options }

func (a app) issue(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	client, err := a.client(ctx, o)
	if err != nil {
		return azcore.AccessToken{}, err
	}
	r, err := client.AcquireTokenByCredential(ctx, o.Scopes, confidential.WithClaims(o.Claims))
	return accessToken(r), err
}
