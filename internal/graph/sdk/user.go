package sdk

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"jtel.de/presencebridge/internal/graph"
)

const selectUser = "%24select=id,displayName,mail,userPrincipalName,businessPhones,mobilePhone,usageLocation,accountEnabled,userType"

// user is the directory's form. Any member may be null or missing, depending on
// what the app may read. Source: Graph, "user resource type".
type user struct {
	ID                string   `json:"id"`
	DisplayName       string   `json:"displayName"`
	Mail              string   `json:"mail"`
	UserPrincipalName string   `json:"userPrincipalName"`
	BusinessPhones    []string `json:"businessPhones"`
	MobilePhone       string   `json:"mobilePhone"`
	UsageLocation     string   `json:"usageLocation"`
	AccountEnabled    *bool    `json:"accountEnabled"`
	UserType          string   `json:"userType"`
}

func (u user) ours() graph.User {
	return graph.User{
		ID:                strings.ToLower(u.ID),
		UserPrincipalName: u.UserPrincipalName,
		Mail:              u.Mail,
		DisplayName:       u.DisplayName,
		BusinessPhones:    u.BusinessPhones,
		MobilePhone:       u.MobilePhone,
		UsageLocation:     u.UsageLocation,
		AccountEnabled:    u.AccountEnabled,
		UserType:          u.UserType,
	}
}

// Users gives the whole directory, fetched page by page while it is consumed.
// An error is the last thing it gives.
func (c *Client) Users(ctx context.Context) iter.Seq2[graph.User, error] {
	return c.users(ctx, "list users", request{template: "{+baseurl}/users?%24top=999&" + selectUser})
}

func (c *Client) users(ctx context.Context, operation string, r request) iter.Seq2[graph.User, error] {
	return func(yield func(graph.User, error) bool) {
		for u, err := range each[user](ctx, c, r) {
			if err != nil {
				yield(graph.User{}, fmt.Errorf("%s: %w", operation, err))
				return
			}
			if u.ID != "" && !yield(u.ours(), nil) {
				return
			}
		}
	}
}

// User finds one person by object id, principal name or mail address. Nobody is
// a *graph.Error of class NotFound, several are one of class Invalid.
func (c *Client) User(ctx context.Context, key string) (graph.User, error) {
	u, err := c.user(ctx, key)
	if err != nil {
		// The caller knows whom, and whether to say it; Graph likes to repeat the name.
		return graph.User{}, fmt.Errorf("find user: %w", without(err, key))
	}
	return u, nil
}

func (c *Client) user(ctx context.Context, key string) (graph.User, error) {
	if key == "" {
		return graph.User{}, notFound("nobody was named")
	}
	var one user
	err := c.get(ctx, request{template: "{+baseurl}/users/{key}?" + selectUser, parameters: map[string]string{"key": key}}, &one)
	if err == nil && one.ID == "" {
		err = errNothing
	}
	if err == nil {
		return one.ours(), nil
	}
	if graph.Classify(err) != graph.NotFound {
		return graph.User{}, err
	}
	if !strings.Contains(key, "@") {
		return graph.User{}, notFound("no user has this id or principal name")
	}
	var found page[user]
	err = c.get(ctx, request{
		template:   "{+baseurl}/users?%24filter={filter}&%24top=2&" + selectUser,
		parameters: map[string]string{"filter": equals("mail", key)},
	}, &found)
	switch {
	case err != nil:
		return graph.User{}, err
	case found.Value == nil:
		return graph.User{}, errNothing
	case len(found.Value) == 0:
		return graph.User{}, notFound("no user has this principal name or mail address")
	case len(found.Value) > 1:
		return graph.User{}, ambiguous("several users have this mail address")
	}
	return found.Value[0].ours(), nil
}

// equals is an OData comparison; a quote in the text is doubled.
func equals(property, text string) string {
	return property + " eq '" + strings.ReplaceAll(text, "'", "''") + "'"
}
