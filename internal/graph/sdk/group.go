package sdk

import (
	"context"
	"fmt"
	"iter"
	"regexp"
	"strings"

	"jtel.de/presencebridge/internal/graph"
)

var guid = regexp.MustCompile(`(?i)^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

const selectGroup = "%24select=id,displayName"

type group struct {
	ID          string `json:"id"`
	DisplayName string `json:"displayName"`
}

func (g group) ours() graph.Group {
	return graph.Group{ID: strings.ToLower(g.ID), DisplayName: g.DisplayName}
}

// Group finds a group by object id or exact display name. None is a *graph.Error
// of class NotFound, several are one of class Invalid.
func (c *Client) Group(ctx context.Context, key string) (graph.Group, error) {
	g, err := c.group(ctx, key)
	if err != nil {
		return graph.Group{}, fmt.Errorf("find group %q: %w", key, err)
	}
	return g, nil
}

func (c *Client) group(ctx context.Context, key string) (graph.Group, error) {
	if guid.MatchString(key) {
		var one group
		err := c.get(ctx, request{template: "{+baseurl}/groups/{key}?" + selectGroup, parameters: map[string]string{"key": key}}, &one)
		if err == nil && one.ID == "" {
			err = errNothing
		}
		return one.ours(), err
	}
	var found page[group]
	err := c.get(ctx, request{
		template:   "{+baseurl}/groups?%24filter={filter}&%24top=2&" + selectGroup,
		parameters: map[string]string{"filter": equals("displayName", key)},
	}, &found)
	switch {
	case err != nil:
		return graph.Group{}, err
	case found.Value == nil:
		return graph.Group{}, errNothing
	case len(found.Value) == 0:
		return graph.Group{}, notFound("no group has this name")
	case len(found.Value) > 1:
		return graph.Group{}, ambiguous("several groups have this name; use the object id")
	}
	return found.Value[0].ours(), nil
}

// GroupMembers gives the users of a group, nested groups included. Those whom the
// app may not read come with their id alone.
func (c *Client) GroupMembers(ctx context.Context, groupID string) iter.Seq2[graph.User, error] {
	return c.users(ctx, "list members of group "+groupID, request{
		template:   "{+baseurl}/groups/{id}/transitiveMembers/microsoft.graph.user?%24count=true&%24top=999&" + selectUser,
		parameters: map[string]string{"id": groupID},
		eventual:   true, // else 400 Request_UnsupportedQuery
	})
}
