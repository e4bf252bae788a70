package signin

import (
	"context"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
)

// client makes MSAL's client for one sign-in. It is not kept: a token is needed
// about twice an hour, and a new client knows the secret as it is now.
func (o Options) client(ctx context.Context, request policy.TokenRequestOptions, more ...confidential.Option) (confidential.Client, error) {
	p, err := o.readProof()
	if err != nil {
		return confidential.Client{}, err
	}
	options := append(more,
		confidential.WithHTTPClient(&proving{http: o.HTTP, proof: p}),
		confidential.WithInstanceDiscovery(o.microsoft()),
	)
	if request.EnableCAE {
		options = append(options, confidential.WithClientCapabilities([]string{"CP1"}))
	}
	credential, err := p.credential()
	if err != nil {
		return confidential.Client{}, &unreadable{"the app's secret or certificate", err}
	}
	return confidential.New(o.Authority+"/"+o.TenantID, o.ClientID, credential, options...)
}

func accessToken(r confidential.AuthResult) azcore.AccessToken {
	return azcore.AccessToken{Token: r.AccessToken, ExpiresOn: r.ExpiresOn, RefreshOn: r.Metadata.RefreshOn}
}
