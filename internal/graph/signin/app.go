package signin

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// NewApp is the app itself, without a user (client credentials grant).
func NewApp(o Options) (*Credential, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("credential of app %s: %w", o.ClientID, err)
	}
	return newCredential("app "+o.ClientID, app{o}, o), nil
}

type app struct{ Options }

// issue makes azidentity's credential anew each time: it knows the secret as it
// is now and has no token in its cache.
func (a app) issue(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	way := &noting{http: a.HTTP}
	credential, err := a.credential(way)
	if err != nil {
		return azcore.AccessToken{}, err
	}
	t, err := credential.GetToken(ctx, o)
	if err != nil && way.failed != nil {
		err = way.failed // azidentity keeps only its text
	}
	return t, err
}

func (a app) credential(way policy.Transporter) (azcore.TokenCredential, error) {
	p, err := a.readProof()
	if err != nil {
		return nil, err
	}
	options := azcore.ClientOptions{
		Cloud:     cloud.Configuration{ActiveDirectoryAuthorityHost: a.Authority},
		Transport: way,
		Retry:     policy.RetryOptions{MaxRetries: -1}, // none: our callers back off
	}
	if p.cert == nil {
		return azidentity.NewClientSecretCredential(a.TenantID, a.ClientID, p.secret, &azidentity.ClientSecretCredentialOptions{
			ClientOptions: options, DisableInstanceDiscovery: !a.microsoft(),
		})
	}
	return azidentity.NewClientCertificateCredential(a.TenantID, a.ClientID, []*x509.Certificate{p.cert}, p.key, &azidentity.ClientCertificateCredentialOptions{
		ClientOptions: options, DisableInstanceDiscovery: !a.microsoft(),
	})
}

// noting remembers why no answer came.
type noting struct {
	http   *http.Client
	failed error
}

func (n *noting) Do(r *http.Request) (*http.Response, error) {
	res, err := n.http.Do(r)
	n.failed = err
	return res, err
}
