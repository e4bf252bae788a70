package sdk

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// class are calls that Graph counts together.
type class int

const (
	presences class = iota
	writes          // of subscriptions
	listings        // of subscriptions
	single          // one subscription read
	lookups         // users, groups and everything else
	classes         // how many there are
)

// classOf tells what a request counts as, and how many units it costs.
func classOf(r *http.Request, base string) (class, int) {
	path := strings.ToLower(strings.Trim(strings.TrimPrefix(r.URL.Path, base), "/"))
	segments := strings.Split(path, "/")
	last := segments[len(segments)-1]
	switch {
	case segments[0] == "communications" || last == "presence":
		return presences, 1
	case segments[0] != "subscriptions":
		return lookups, unitsOf(segments, r.URL.Query())
	case r.Method != http.MethodGet:
		return writes, 1
	case len(segments) == 1:
		return listings, 1
	}
	return single, 1
}

// unitsOf are the resource units of a directory call.
// Source: Graph, "throttling limits", identity and access.
func unitsOf(segments []string, q url.Values) int {
	units := 1
	switch {
	case slices.Contains(segments, "transitivemembers"):
		units = 5
	case slices.Contains(segments, "members"):
		units = 3
	case slices.Equal(segments, []string{"users"}), slices.Equal(segments, []string{"users", "delta"}),
		strings.HasPrefix(segments[0], "applications"):
		units = 2
	}
	if q.Has("$expand") {
		units++
	}
	if q.Has("$select") {
		units--
	}
	if top, err := strconv.Atoi(q.Get("$top")); err == nil && top < 20 {
		units--
	}
	return max(units, 1)
}
