package check

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/go-json-experiment/json"

	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/expiry"
	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/internal/graph/sdk"
	"jtel.de/presencebridge/internal/graph/signin"
)

// tenant walks one tenant: the app, the people, and each service user.
func (c *checker) tenant(ctx context.Context, t config.Tenant, reach Tenant) {
	s := c.subject("group.app", t.Name)
	s.tenant = t.Name
	c.take(ctx, s, step{id: "tenant.exists", title: []any{t.ID}, tried: []any{c.Config.Graph.Authority}, anchor: "app-registration", do: func(ctx context.Context) outcome {
		return c.tenantExists(ctx, t)
	}})
	proof := "client-secret"
	if t.ClientCertificate.IsSet() {
		proof = "certificate"
	}
	var held claims
	c.take(ctx, s, step{id: "app.sign-in", title: []any{t.ClientID}, anchor: proof, needs: []string{"tenant.exists"}, do: func(ctx context.Context) outcome {
		token, err := reach.App.GetToken(ctx, c.question())
		if err != nil {
			o := c.graphOutcome(err, fail("graph.refused"))
			if o.anchor == "client-secret" {
				o.anchor = proof
			}
			return o
		}
		held = readClaims(token.Token)
		return fine()
	}})
	for _, p := range graph.Permissions() {
		if p.Delegated || p.Need == graph.ForGroups && len(t.People.Groups) == 0 || p.Need == graph.ForHidden {
			continue
		}
		c.take(ctx, s, step{
			id: "app.permission." + p.Name, texts: "app.permission", title: []any{p.Name}, anchor: "permissions",
			needs: []string{"app.sign-in"},
			do:    func(context.Context) outcome { return permission(p, held.Roles, held.read) },
		})
	}
	c.take(ctx, s, step{id: "app.least", anchor: "permissions", needs: []string{"app.sign-in"}, do: func(context.Context) outcome {
		return least(held, held.Roles, false)
	}})
	c.take(ctx, s, step{id: "app.assignment", anchor: "assignment-required", needs: []string{"app.sign-in"}, do: func(ctx context.Context) outcome {
		return c.assignment(ctx, t, reach.Graph)
	}})
	var items []expiry.Item
	if ok := s.states["app.sign-in"]; ok == OK && reach.Expiry != nil {
		reading, cancel := context.WithTimeout(ctx, time.Minute)
		items = reach.Expiry(reading)
		cancel()
	}
	c.ends(ctx, s, nil, items, "")
	watched := c.people(ctx, s, t, reach)
	if t.Mode == config.ModePoll {
		return
	}
	for i, a := range t.Accounts {
		c.account(ctx, t, a, reach.Accounts[i], watched, items, s.states["tenant.exists"])
	}
}

// question is what the service asks Entra ID for.
func (c *checker) question() policy.TokenRequestOptions {
	return policy.TokenRequestOptions{Scopes: []string{sdk.Scope(c.Config.Graph.BaseURL)}, EnableCAE: true}
}

// discovery is what Entra ID tells of a tenant without a sign-in.
type discovery struct {
	GraphHost string `json:"msgraph_host"`
	Codes     []int  `json:"error_codes"`
	Error     string `json:"error"`
}

// microsoftHosts are the Graphs of Microsoft's clouds.
var microsoftHosts = []string{"graph.microsoft.com", "graph.microsoft.us", "dod-graph.microsoft.us", "microsoftgraph.chinacloudapi.cn"}

func (c *checker) tenantExists(ctx context.Context, t config.Tenant) outcome {
	client := signin.NewHTTP(c.Roots)
	defer client.CloseIdleConnections()
	address := c.Config.Graph.Authority + "/" + t.ID + "/v2.0/.well-known/openid-configuration"
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return fail("graph.unreachable").saying(cause(err))
	}
	res, err := client.Do(r)
	if err != nil {
		return unreachable(err, hostOf(c.Config.Graph.Authority))
	}
	defer res.Body.Close()
	var told discovery
	if err := json.UnmarshalRead(io.LimitReader(res.Body, 64<<10), &told); err != nil {
		return open("tenant.unclear").saying(res.Status)
	}
	mine := hostOf(c.Config.Graph.BaseURL)
	switch {
	case slices.Contains(told.Codes, 90002) || told.Error == "invalid_tenant":
		return c.signInOutcome(&graph.SignInError{AADSTS: 90002, OAuth: told.Error, Permanent: true})
	case res.StatusCode != http.StatusOK:
		return open("tenant.unclear").saying(strings.TrimSpace(res.Status + " " + told.Error))
	case slices.Contains(microsoftHosts, mine) && told.GraphHost != "" && told.GraphHost != mine:
		return fail("tenant.other-cloud", told.GraphHost, mine)
	}
	return fine()
}

// permission is there when the token carries it, or a stronger one.
func permission(p graph.Permission, held []string, read bool) outcome {
	has := func(name string) bool { return slices.Contains(held, name) }
	kind := "app.permission"
	if p.Delegated {
		kind = "user.permission"
	}
	switch {
	case !read:
		return open("token.opaque")
	case has(p.Name) || slices.ContainsFunc(p.Within, has):
		return fine()
	case p.Need == graph.Optional:
		return open("app.permission-optional", p.Name)
	}
	return fail(kind+"-missing", p.Name)
}

// least names permissions that the bridge never uses.
func least(held claims, names []string, delegated bool) outcome {
	if !held.read {
		return open("token.opaque")
	}
	var more []string
	for _, name := range names {
		used := slices.ContainsFunc(graph.Permissions(), func(p graph.Permission) bool { return p.Name == name && p.Delegated == delegated })
		if !used && !slices.Contains(openID, name) {
			more = append(more, name)
		}
	}
	if len(more) > 0 {
		return warn("app.more-than-needed", strings.Join(more, ", "))
	}
	return fine()
}

// openID are the scopes that every sign-in of a user may have.
var openID = []string{"openid", "profile", "email", "offline_access", "User.Read"}

// assignment: with "assignment required" the service that sends notifications gets
// no token for the app, and sends them without proof.
func (c *checker) assignment(ctx context.Context, t config.Tenant, client *sdk.Client) outcome {
	optional := open("permission.unknown", "Application.Read.All")
	p, err := client.ServicePrincipal(ctx, t.ClientID)
	if err != nil {
		return c.graphOutcome(err, optional)
	}
	if p.AssignmentRequired == nil {
		return optional
	}
	if !*p.AssignmentRequired {
		return fine()
	}
	for name, err := range client.AssignedTo(ctx, t.ClientID) {
		if err != nil {
			return c.graphOutcome(err, optional)
		}
		if name == graph.ChangeTracking {
			return fine()
		}
	}
	return fail("app.assignment-required")
}
