package graphsim

import "strings"

func (s *Simulator) listGroups(c *call) (object, error) {
	q, err := s.readQuery(c, "$top", "$select", "$filter", "$count")
	if err != nil {
		return nil, err
	}
	keep, err := parseFilter(q.values.Get("$filter"))
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	all := s.tenant.clone().Groups
	s.mu.Unlock()
	list := []object{}
	for _, g := range all {
		o := g.properties()
		if !keep(o) {
			continue
		}
		if o, err = pick(o, q.selected([]string{"id", "displayName", "securityEnabled"})); err != nil {
			return nil, err
		}
		list = append(list, o)
	}
	return s.page(c, q, list, "groups")
}

func (g Group) properties() object {
	return object{"id": g.ID, "displayName": g.DisplayName, "securityEnabled": true, "mailEnabled": false, "mail": nil, "description": nil, "groupTypes": []string{}}
}

func (s *Simulator) getGroup(c *call) (object, error) {
	q, err := s.readQuery(c, "$select")
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.group(c.arg[0])
	if g == nil {
		return nil, notFound(c.arg[0])
	}
	o, err := pick(g.properties(), q.selected([]string{"id", "displayName", "securityEnabled"}))
	if err == nil {
		o["@odata.context"] = "https://graph.microsoft.com/v1.0/$metadata#groups/$entity"
	}
	return o, err
}

// group finds one by id; the caller holds mu.
func (s *Simulator) group(id string) *Group {
	for i := range s.tenant.Groups {
		if strings.EqualFold(s.tenant.Groups[i].ID, id) {
			return &s.tenant.Groups[i]
		}
	}
	return nil
}

func (s *Simulator) listMembers(c *call) (object, error) { return s.members(c, false) }

// listMemberUsers is the cast to users, an advanced query: on every page it needs
// the header and $count.
func (s *Simulator) listMemberUsers(c *call) (object, error) { return s.members(c, true) }

func (s *Simulator) members(c *call, usersOnly bool) (object, error) {
	q, err := s.readQuery(c, "$top", "$select", "$count", "$filter")
	if err != nil {
		return nil, err
	}
	if (usersOnly || q.values.Has("$filter")) && !q.advanced(c) {
		return nil, badRequest("Request_UnsupportedQuery", "Request with $count or OData cast requires the header 'ConsistencyLevel: eventual' and the query parameter '$count=true'.")
	}
	keep, err := parseFilter(q.values.Get("$filter"))
	if err != nil {
		return nil, err
	}
	list, err := s.memberList(c, q, keep, usersOnly)
	if err != nil {
		return nil, err
	}
	return s.page(c, q, list, "directoryObjects")
}

func (s *Simulator) memberList(c *call, q query, keep func(object) bool, usersOnly bool) ([]object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.group(c.arg[0])
	if g == nil {
		return nil, notFound(c.arg[0])
	}
	list := []object{}
	err := s.walk(g, map[string]bool{g.ID: true}, func(u *User, sub *Group) error {
		var o object
		var err error
		switch {
		case u != nil && !c.who.may("User.Read.All", "User.ReadBasic.All", "User.ReadWrite.All", "Directory.Read.All"):
			o = object{"@odata.type": "#microsoft.graph.user", "id": u.ID} // without rights on users
		case u != nil && keep(u.properties(false)):
			if o, err = pick(u.properties(basicOnly(c)), q.selected(listedByDefault)); err == nil {
				o["@odata.type"] = "#microsoft.graph.user"
			}
		case sub != nil && !usersOnly:
			o = sub.properties()
			o["@odata.type"] = "#microsoft.graph.group"
		}
		if o != nil {
			list = append(list, o)
		}
		return err
	})
	return list, err
}

// walk visits every member once, however deep and however often it is nested; the
// caller holds mu.
func (s *Simulator) walk(g *Group, seen map[string]bool, visit func(*User, *Group) error) error {
	for _, id := range g.Members {
		id = strings.ToLower(id)
		if seen[id] {
			continue
		}
		seen[id] = true
		if sub := s.group(id); sub != nil {
			if err := visit(nil, sub); err != nil {
				return err
			}
			if err := s.walk(sub, seen, visit); err != nil {
				return err
			}
		} else if u, err := s.lookup(id); err == nil {
			if err := visit(&u, nil); err != nil {
				return err
			}
		}
	}
	return nil
}
