package admin

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/internal/graph/sdk"
)

// Directory is Graph as an administrator.
type Directory struct{ Client *sdk.Client }

// App is an app registration. Source: Graph, "application resource type".
type App struct {
	ID       string          `json:"id"` // object id
	ClientID string          `json:"appId"`
	Name     string          `json:"displayName"`
	Required []Required      `json:"requiredResourceAccess"`
	Secrets  []Secret        `json:"passwordCredentials"`
	Keys     []KeyCredential `json:"keyCredentials"`
}

// Required is what an app asks of one resource.
type Required struct {
	ResourceAppID string   `json:"resourceAppId"`
	Access        []Access `json:"resourceAccess"`
}

// Access is one permission.
type Access struct {
	ID   string `json:"id"`
	Type string `json:"type"` // Role or Scope
}

// Secret is a client secret; Value comes once, when it is made.
type Secret struct {
	KeyID string    `json:"keyId,omitzero"`
	Name  string    `json:"displayName,omitzero"`
	Hint  string    `json:"hint,omitzero"`
	Ends  time.Time `json:"endDateTime,omitzero"`
	Value string    `json:"secretText,omitzero"`
}

// KeyCredential is a certificate of an app.
type KeyCredential struct {
	KeyID      string    `json:"keyId,omitzero"`
	Identifier string    `json:"customKeyIdentifier,omitzero"`
	Type       string    `json:"type,omitzero"`
	Usage      string    `json:"usage,omitzero"`
	Name       string    `json:"displayName,omitzero"`
	Begins     time.Time `json:"startDateTime,omitzero"`
	Ends       time.Time `json:"endDateTime,omitzero"`
	Key        []byte    `json:"key,omitzero"`
}

const selectApp = "id,appId,displayName,requiredResourceAccess,passwordCredentials"

// AppsNamed lists the registrations of a display name.
func (d Directory) AppsNamed(ctx context.Context, name string) ([]App, error) {
	var apps []App
	err := sdk.Each(ctx, d.Client, "applications", map[string]string{"$filter": "displayName eq '" + strings.ReplaceAll(name, "'", "''") + "'", "$select": selectApp},
		func(a App) error { apps = append(apps, a); return nil })
	if err != nil {
		return nil, fmt.Errorf("find app %q: %w", name, err)
	}
	return apps, nil
}

// App reads a registration by its client id.
func (d Directory) App(ctx context.Context, clientID string) (App, error) {
	var a App
	err := d.Client.Do(ctx, http.MethodGet, "applications(appId='"+url.PathEscape(clientID)+"')", map[string]string{"$select": selectApp}, nil, &a)
	return a, during("read app "+clientID, err)
}

// CreateApp registers an app of this tenant alone.
func (d Directory) CreateApp(ctx context.Context, name string, required []Required) (App, error) {
	var a App
	err := d.Client.Do(ctx, http.MethodPost, "applications", nil,
		map[string]any{"displayName": name, "signInAudience": "AzureADMyOrg", "requiredResourceAccess": required}, &a)
	return a, during("register app", err)
}

// Require replaces what an app asks for.
func (d Directory) Require(ctx context.Context, appID string, required []Required) error {
	err := d.Client.Do(ctx, http.MethodPatch, "applications/"+url.PathEscape(appID), nil, map[string]any{"requiredResourceAccess": required}, nil)
	return during("change permissions of the app", err)
}

// AddSecret makes a client secret beside others.
func (d Directory) AddSecret(ctx context.Context, appID, name string, ends time.Time) (Secret, error) {
	var s Secret
	err := d.Client.Do(ctx, http.MethodPost, "applications/"+url.PathEscape(appID)+"/addPassword", nil,
		map[string]any{"passwordCredential": Secret{Name: name, Ends: ends.UTC().Truncate(time.Second)}}, &s)
	if err == nil && s.Value == "" {
		err = fmt.Errorf("graph sent no secret")
	}
	return s, during("make client secret", err)
}

// Keys are the certificates of an app, with their values.
func (d Directory) Keys(ctx context.Context, appID string) ([]KeyCredential, error) {
	var a App
	err := d.Client.Do(ctx, http.MethodGet, "applications/"+url.PathEscape(appID), map[string]string{"$select": "id,keyCredentials"}, nil, &a)
	return a.Keys, during("read certificates of the app", err)
}

// SetKeys replaces them.
func (d Directory) SetKeys(ctx context.Context, appID string, keys []KeyCredential) error {
	err := d.Client.Do(ctx, http.MethodPatch, "applications/"+url.PathEscape(appID), nil, map[string]any{"keyCredentials": keys}, nil)
	return during("add certificate to the app", err)
}

// Owners are the object ids of an app's owners.
func (d Directory) Owners(ctx context.Context, appID string) ([]string, error) {
	var ids []string
	err := sdk.Each(ctx, d.Client, "applications/"+url.PathEscape(appID)+"/owners", map[string]string{"$select": "id"},
		func(o struct {
			ID string `json:"id"`
		}) error {
			ids = append(ids, strings.ToLower(o.ID))
			return nil
		})
	return ids, during("list owners of the app", err)
}

// AddOwner makes somebody an owner; somebody who is one already stays one.
func (d Directory) AddOwner(ctx context.Context, baseURL, appID, userID string) error {
	err := d.Client.Do(ctx, http.MethodPost, "applications/"+url.PathEscape(appID)+"/owners/$ref", nil,
		map[string]any{"@odata.id": strings.TrimSuffix(baseURL, "/") + "/directoryObjects/" + userID}, nil)
	if Exists(err) {
		return nil
	}
	return during("add owner of the app", err)
}

// Exists reports whether an error says that what was to be made is there.
func Exists(err error) bool {
	g, ok := asGraph(err)
	return ok && (g.Status == http.StatusConflict || g.Status == http.StatusBadRequest && strings.Contains(g.Message, "already exist"))
}

// TurnedAway reports whether Graph did not look at a request at all.
func TurnedAway(err error) bool {
	g, ok := asGraph(err)
	return ok && (g.Status == http.StatusTooManyRequests || g.Status == http.StatusServiceUnavailable)
}

// NotYet reports whether an error may only say that the directory has not heard
// everywhere of what was made just now. There is no bound to that in writing.
func NotYet(err error) bool {
	g, ok := asGraph(err)
	if !ok {
		return false
	}
	return g.Class() == graph.NotFound || g.Status == http.StatusBadRequest &&
		(strings.Contains(g.Message, "does not reference a valid application") || strings.Contains(g.Message, "Not a valid reference update"))
}
