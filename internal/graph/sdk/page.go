package sdk

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	abs "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoftgraph/msgraph-sdk-go/models/odataerrors"
)

// maxPages bounds a listing against links that never end: ten million users.
const maxPages = 10_000

// request is a GET in the directory. Users and groups do not go through the
// SDK's models: models.User alone would add 35 MB to the binary.
type request struct {
	template   string // RFC 6570; {+baseurl} is the SDK's
	parameters map[string]string
	eventual   bool // ask for advanced queries, on every page
}

// get sends it and decodes the answer into v.
func (c *Client) get(ctx context.Context, r request, v any) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	parameters := map[string]string{} // the SDK writes into it
	maps.Copy(parameters, r.parameters)
	info := abs.NewRequestInformationWithMethodAndUrlTemplateAndPathParameters(abs.GET, r.template, parameters)
	info.Headers.Add("Accept", "application/json")
	if r.eventual {
		info.Headers.Add("ConsistencyLevel", "eventual")
	}
	return c.send(ctx, info, v)
}

// send goes the SDK's way (token, repeats, errors) but decodes the answer into
// a struct of ours.
func (c *Client) send(ctx context.Context, info *abs.RequestInformation, v any) error {
	answer, err := c.adapter.SendPrimitive(ctx, info, "[]byte",
		abs.ErrorMappings{"XXX": odataerrors.CreateODataErrorFromDiscriminatorValue})
	if err != nil {
		return ours(err)
	}
	body, _ := answer.([]byte)
	if len(body) == 0 {
		return errNothing
	}
	return decodeInto(v, body)
}

// decodeInto takes what Graph sends, which need not be clean.
func decodeInto(v any, body []byte) error {
	if err := json.Unmarshal(body, v, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)); err != nil {
		return errors.New("graph's answer is not the expected JSON") // without the cause, which would quote it
	}
	return nil
}

type page[T any] struct {
	Value []T    `json:"value"`
	Next  string `json:"@odata.nextLink"`
}

// each gives the items of a listing, page by page; pages may be empty. It ends
// with the first error.
func each[T any](ctx context.Context, c *Client, r request) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		next := ""
		for seen := 0; ; seen++ {
			var p page[T]
			err := c.get(ctx, r, &p)
			if err == nil && p.Value == nil { // no page must not pass for an empty directory
				err = errNothing
			}
			if err != nil {
				yield(none, err)
				return
			}
			for _, item := range p.Value {
				if !yield(item, nil) {
					return
				}
			}
			if next, err = follow(next, p.Next, seen); err != nil {
				yield(none, err)
				return
			}
			if next == "" {
				return
			}
			more := linked(next)
			more.eventual = r.eventual
			r = more
		}
	}
}

// linked is a request for a link of Graph, unchanged.
func linked(link string) request {
	return request{template: "{+link}", parameters: map[string]string{"link": link}}
}

// follow gives the link to go to, unchanged as Graph demands.
func follow(last, next string, seen int) (string, error) {
	if next != "" && (next == last || seen >= maxPages) {
		return "", fmt.Errorf("the listing does not end after %d pages", seen+1)
	}
	return next, nil
}
