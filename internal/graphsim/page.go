package graphsim

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
)

// pageToken is the $skiptoken of a nextLink. It repeats the query, so that a
// client which changes the link is found out.
type pageToken struct {
	Path, Query string
	Offset      int
	Empty       bool // an empty page has been shown for this offset
}

// query is a list request, from its own parameters or from those its token holds.
type query struct {
	values url.Values // without the token
	offset int
	empty  bool
	first  bool
}

const pageDefault, pageMax = 100, 999

// readQuery refuses parameters that are not among the known ones.
func (s *Simulator) readQuery(c *call, known ...string) (query, error) {
	values := c.URL.Query()
	q := query{values: values, first: true}
	if text := values.Get("$skiptoken"); text != "" {
		var t pageToken
		b, err := base64.RawURLEncoding.DecodeString(text)
		values.Del("$skiptoken")
		if err != nil || json.Unmarshal(b, &t) != nil || t.Path != c.URL.Path || t.Query != values.Encode() {
			return q, badRequest("Directory_InvalidPageToken", "The page token is not valid: follow the nextLink unchanged.")
		}
		q.offset, q.empty, q.first = t.Offset, t.Empty, false
		f := s.Faults()
		if s.chance.chance(f.ExpirePages) {
			return q, badRequest("Directory_ExpiredPageToken", "The specified page token value has expired and can no longer be included in your request. (DirectoryPageTokenNotFoundException)")
		}
		if s.chance.chance(f.ThrottlePages) {
			s.mu.Lock()
			defer s.mu.Unlock()
			return q, &graphError{status: http.StatusTooManyRequests, code: "TooManyRequests", message: "Too many requests.", header: s.retryHeader(http.StatusTooManyRequests)}
		}
	}
	for name := range values {
		ok := false
		for _, k := range known {
			ok = ok || k == name
		}
		if !ok {
			return q, badRequest("Request_UnsupportedQuery", "The query parameter '"+name+"' is not supported on this resource.")
		}
	}
	return q, nil
}

// top is the page size.
func (q query) top() (int, error) {
	text := q.values.Get("$top")
	if text == "" {
		return pageDefault, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > pageMax {
		return 0, badRequest("Request_BadRequest", "Invalid page size specified: '"+text+"'. Must be between 1 and 999 inclusive.")
	}
	return n, nil
}

// selected are the properties to show.
func (q query) selected(defaults []string) []string {
	text := q.values.Get("$select")
	if text == "" {
		return defaults
	}
	names := strings.Split(text, ",")
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
	}
	return names
}

// advanced reports whether the request asks for advanced query capabilities.
func (q query) advanced(c *call) bool {
	return strings.EqualFold(c.Header.Get("ConsistencyLevel"), "eventual") && q.values.Get("$count") == "true"
}

// page cuts a list and adds the link to the rest, sometimes behind an empty page.
func (s *Simulator) page(c *call, q query, list []object, context string) (object, error) {
	top, err := q.top()
	if err != nil {
		return nil, err
	}
	o := object{"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#" + context, "value": []object{}}
	if q.advanced(c) && q.first {
		o["@odata.count"] = len(list)
	}
	from := min(q.offset, len(list))
	to := min(from+top, len(list))
	if !q.empty && s.chance.chance(s.Faults().EmptyPages) {
		o["@odata.nextLink"] = s.link(c, q, pageToken{Offset: from, Empty: true})
		return o, nil
	}
	o["value"] = list[from:to]
	if to < len(list) {
		o["@odata.nextLink"] = s.link(c, q, pageToken{Offset: to})
	}
	return o, nil
}

func (s *Simulator) link(c *call, q query, t pageToken) string {
	t.Path, t.Query = c.URL.Path, q.values.Encode()
	b := must(json.Marshal(t))
	join := "?"
	if t.Query != "" {
		join = "?" + t.Query + "&"
	}
	return s.AuthorityURL() + c.URL.Path + join + "$skiptoken=" + base64.RawURLEncoding.EncodeToString(b)
}
