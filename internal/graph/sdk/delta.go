package sdk

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"jtel.de/presencebridge/internal/graph"
)

// deltaPage is a page of changes. Of a user only the id is read: which of the
// other members come, and what a missing one means, differs.
// Source: Graph, "delta query".
type deltaPage struct {
	Value []struct {
		ID      string         `json:"id"`
		Removed jsontext.Value `json:"@removed"`
	} `json:"value"`
	Next  string `json:"@odata.nextLink"`
	Delta string `json:"@odata.deltaLink"`
}

// UserChanges tells which users came, changed or went since link was given, each
// once, sorted by id, and the link for the next time. Without a link it tells
// nobody and gives the link of now. Links live for 7 days; then, and whenever
// Graph wants everything to be read anew, the error is a *graph.Error of class
// NotFound (410) or Invalid (400 syncStateNotFound).
func (c *Client) UserChanges(ctx context.Context, link string) ([]graph.UserChange, string, error) {
	changes, next, err := c.userChanges(ctx, link)
	if err != nil {
		return nil, "", fmt.Errorf("list changes of users: %w", err)
	}
	return changes, next, nil
}

func (c *Client) userChanges(ctx context.Context, link string) ([]graph.UserChange, string, error) {
	r := request{template: "{+baseurl}/users/delta?%24deltatoken=latest&" + selectUser}
	if link != "" {
		r = linked(link)
	}
	changed := map[string]graph.UserChange{}
	next := ""
	for seen := 0; ; seen++ {
		var p deltaPage
		err := c.get(ctx, r, &p)
		if err != nil {
			return nil, "", err
		}
		for _, u := range p.Value {
			if id := strings.ToLower(u.ID); id != "" { // the last word on somebody counts
				changed[id] = graph.UserChange{ID: id, Removed: len(u.Removed) > 0 && u.Removed.Kind() != 'n'}
			}
		}
		if next, err = follow(next, p.Next, seen); err != nil {
			return nil, "", err
		}
		switch {
		case next != "":
			r = linked(next)
		case p.Delta == "":
			return nil, "", errors.New("graph's list of changes ends without a link for the next time")
		default:
			byID := func(a, b graph.UserChange) int { return strings.Compare(a.ID, b.ID) }
			return slices.SortedFunc(maps.Values(changed), byID), p.Delta, nil
		}
	}
}
