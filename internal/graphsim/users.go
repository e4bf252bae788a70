package graphsim

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
)

// listUsers answers GET /users.
func (s *Simulator) listUsers(c *call) (object, error) {
	q, err := s.readQuery(c, "$top", "$select", "$filter", "$count")
	if err != nil {
		return nil, err
	}
	keep, err := parseFilter(q.values.Get("$filter"))
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	all := s.people()
	s.mu.Unlock()
	list := []object{}
	for _, u := range all {
		if !keep(u.properties(false)) {
			continue
		}
		o, err := pick(u.properties(basicOnly(c)), q.selected(listedByDefault))
		if err != nil {
			return nil, err
		}
		list = append(list, o)
	}
	return s.page(c, q, list, "users")
}

// basicOnly: the token shows no more of others than names and addresses.
func basicOnly(c *call) bool {
	return !c.who.may("User.Read.All", "User.ReadWrite.All", "Directory.Read.All")
}

// notFound is what the directory says about an id.
func notFound(id string) error {
	return &graphError{status: http.StatusNotFound, code: "Request_ResourceNotFound", message: "Resource '" + id + "' does not exist or one of its queried reference-property objects are not present."}
}

// lookup finds a user by id or user principal name; the caller holds mu.
func (s *Simulator) lookup(key string) (User, error) {
	for _, u := range s.people() {
		if strings.EqualFold(u.ID, key) || strings.EqualFold(u.UserPrincipalName, key) {
			return u, nil
		}
	}
	return User{}, notFound(key)
}

func (s *Simulator) getUser(c *call) (object, error) { return s.oneUser(c, c.arg[0]) }

func (s *Simulator) getMe(c *call) (object, error) { return s.oneUser(c, c.who.oid) }

func (s *Simulator) oneUser(c *call, key string) (object, error) {
	q, err := s.readQuery(c, "$select")
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	u, err := s.lookup(key)
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	o, err := pick(u.properties(basicOnly(c) && u.ID != c.who.oid), q.selected(listedByDefault))
	if err != nil {
		return nil, err
	}
	o["@odata.context"] = "https://graph.microsoft.com/v1.0/$metadata#users/$entity"
	return o, nil
}

// usersDelta answers GET /users/delta. The token of a delta link is the version of
// the directory that the client has.
func (s *Simulator) usersDelta(c *call) (object, error) {
	q, err := s.readQuery(c, "$select", "$deltatoken", "$top")
	if err != nil {
		return nil, err
	}
	f := s.Faults()
	since, tooOld := 0, false
	if text := q.values.Get("$deltatoken"); text != "" && text != "latest" {
		b, err := base64.RawURLEncoding.DecodeString(text)
		if err == nil {
			since, err = strconv.Atoi(string(b))
		}
		if err != nil {
			return nil, badRequest("Directory_InvalidDeltaToken", "The delta token is not valid.")
		}
		tooOld = f.ExpireDelta || f.SyncStateNotFound
	}
	fresh := c.URL.Path
	if names := q.values.Get("$select"); names != "" {
		fresh += "?$select=" + names
	}
	switch {
	case tooOld && f.SyncStateNotFound:
		return nil, badRequest("syncStateNotFound", "The sync state generation is not found; continue with a full synchronization.")
	case tooOld:
		return nil, &graphError{status: http.StatusGone, code: "resyncRequired", message: "Resync required.", header: http.Header{"Location": {s.AuthorityURL() + fresh}}}
	}
	list, version, err := s.changesSince(c, q, since)
	if err != nil {
		return nil, err
	}
	o, err := s.page(c, q, list, "users(delta)")
	if err == nil && o["@odata.nextLink"] == nil {
		values := q.values
		values.Set("$deltatoken", base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(version))))
		o["@odata.deltaLink"] = s.AuthorityURL() + c.URL.Path + "?" + values.Encode()
	}
	return o, err
}

func (s *Simulator) changesSince(c *call, q query, since int) (list []object, version int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if q.values.Get("$deltatoken") == "latest" {
		return nil, s.directory.version, nil
	}
	for _, u := range s.people() {
		if s.directory.changed[u.ID] < since || since > 0 && s.directory.changed[u.ID] == since {
			continue
		}
		o, err := pick(u.properties(basicOnly(c)), append([]string{"id"}, q.selected(listedByDefault)...))
		if err != nil {
			return nil, 0, err
		}
		list = append(list, o)
	}
	for id, version := range s.directory.removed {
		if since > 0 && version > since {
			list = append(list, object{"id": id, "@removed": object{"reason": "changed"}})
		}
	}
	return list, s.directory.version, nil
}
