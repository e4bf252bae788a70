package sdk

import (
	"context"
	"fmt"
	"iter"

	"jtel.de/presencebridge/internal/graph"
)

const app = "{+baseurl}/servicePrincipals(appId='{id}')"

// ServicePrincipal reads what the directory holds of an app. It needs
// Application.Read.All.
func (c *Client) ServicePrincipal(ctx context.Context, clientID string) (graph.ServicePrincipal, error) {
	var p struct {
		ID                 string `json:"id"`
		Enabled            *bool  `json:"accountEnabled"`
		AssignmentRequired *bool  `json:"appRoleAssignmentRequired"`
	}
	err := c.get(ctx, request{
		template:   app + "?%24select=id,accountEnabled,appRoleAssignmentRequired",
		parameters: map[string]string{"id": clientID},
	}, &p)
	if err == nil && p.ID == "" {
		err = errNothing
	}
	if err != nil {
		return graph.ServicePrincipal{}, fmt.Errorf("read service principal of app %s: %w", clientID, err)
	}
	return graph.ServicePrincipal{ID: p.ID, Enabled: p.Enabled, AssignmentRequired: p.AssignmentRequired}, nil
}

// AssignedTo gives the display names of those who are assigned to an app. An
// error is the last thing it gives.
func (c *Client) AssignedTo(ctx context.Context, clientID string) iter.Seq2[string, error] {
	type assignment struct {
		Name string `json:"principalDisplayName"`
	}
	return func(yield func(string, error) bool) {
		for a, err := range each[assignment](ctx, c, request{template: app + "/appRoleAssignedTo", parameters: map[string]string{"id": clientID}}) {
			if err != nil {
				yield("", fmt.Errorf("list who is assigned to app %s: %w", clientID, err))
				return
			}
			if !yield(a.Name, nil) {
				return
			}
		}
	}
}
