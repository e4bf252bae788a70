package sdk

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	abs "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoftgraph/msgraph-sdk-go/models/odataerrors"
)

// Do sends any other request: path below the base URL, with elements that are
// escaped, query as of OData ("$select" and the like). body and answer are JSON
// or nil. It serves the administration of the directory, which is far from
// what a service may do.
func (c *Client) Do(ctx context.Context, method, path string, query map[string]string, body, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	var more []string
	for _, name := range slices.Sorted(maps.Keys(query)) {
		// A plus is not everywhere taken for a blank.
		more = append(more, url.QueryEscape(name)+"="+strings.ReplaceAll(url.QueryEscape(query[name]), "+", "%20"))
	}
	if len(more) > 0 {
		path += "?" + strings.Join(more, "&")
	}
	methods := map[string]abs.HttpMethod{http.MethodGet: abs.GET, http.MethodPost: abs.POST, http.MethodPatch: abs.PATCH}
	verb, known := methods[method]
	if !known {
		return fmt.Errorf("no request is made by %s", method)
	}
	info := abs.NewRequestInformationWithMethodAndUrlTemplateAndPathParameters(verb, "{+baseurl}/{+path}", map[string]string{"path": path})
	info.Headers.Add("Accept", "application/json")
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("encode request: %w", err)
		}
		info.SetStreamContentAndContentType(text, "application/json")
	}
	if answer != nil {
		return c.send(ctx, info, answer)
	}
	err := c.adapter.SendNoContent(ctx, info, abs.ErrorMappings{"XXX": odataerrors.CreateODataErrorFromDiscriminatorValue})
	if err != nil {
		return ours(err)
	}
	return nil
}

// Each gives the items of a listing to take, page by page, until that says no.
func Each[T any](ctx context.Context, c *Client, path string, query map[string]string, take func(T) error) error {
	for link := ""; ; {
		var p page[T]
		var err error
		if link == "" {
			err = c.Do(ctx, http.MethodGet, path, query, nil, &p)
		} else {
			err = c.get(ctx, linked(link), &p)
		}
		if err == nil && p.Value == nil {
			err = errNothing
		}
		if err != nil {
			return err
		}
		for _, item := range p.Value {
			if err := take(item); err != nil {
				return err
			}
		}
		if p.Next == "" || p.Next == link {
			return nil
		}
		link = p.Next
	}
}
