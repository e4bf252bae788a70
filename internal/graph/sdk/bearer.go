package sdk

import (
	"context"
	"encoding/base64"
	"fmt"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	abs "github.com/microsoft/kiota-abstractions-go"
)

// bearer puts the token on a request. The SDK's own provider sends a request to
// an unexpected host silently without one; this one refuses.
type bearer struct {
	credential azcore.TokenCredential
	host       string // with port, as in the base URL
	scope      string
}

// AuthenticateRequest implements kiota's AuthenticationProvider. A claims
// challenge of Graph (continuous access evaluation) comes in more.
func (b *bearer) AuthenticateRequest(ctx context.Context, r *abs.RequestInformation, more map[string]any) error {
	to, err := r.GetUri()
	if err != nil {
		return fmt.Errorf("address of the request: %w", err)
	}
	if to.Scheme != "https" || to.Host != b.host {
		return fmt.Errorf("no token is sent to %s://%s: graph is at https://%s", to.Scheme, to.Host, b.host)
	}
	ask := policy.TokenRequestOptions{Scopes: []string{b.scope}, EnableCAE: true}
	if challenge, _ := more["claims"].(string); challenge != "" {
		claims, err := base64.StdEncoding.DecodeString(challenge)
		if err != nil {
			return fmt.Errorf("claims challenge of graph: %w", err)
		}
		ask.Claims = string(claims)
	}
	token, err := b.credential.GetToken(ctx, ask)
	if err != nil {
		return err
	}
	r.Headers.Remove("Authorization")
	r.Headers.Add("Authorization", "Bearer "+token.Token)
	return nil
}
