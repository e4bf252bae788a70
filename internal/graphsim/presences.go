package graphsim

import (
	"fmt"
	"net/http"
	"strings"
)

// getPresences is the bulk read.
func (s *Simulator) getPresences(c *call) (object, error) {
	var q struct {
		IDs []string `json:"ids"`
	}
	if err := readJSON(c, &q, "ids"); err != nil {
		return nil, err
	}
	if len(q.IDs) == 0 || len(q.IDs) > peopleMax {
		return nil, badRequest("BadRequest", fmt.Sprintf("The number of ids must be between 1 and %d.", peopleMax))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []object{}
	for _, id := range q.IDs {
		if !isGUID.MatchString(id) {
			return nil, badRequest("BadRequest", "The id '"+id+"' is not a GUID.")
		}
		if o := s.presenceBody(strings.ToLower(id)); o != nil {
			list = append(list, o)
		}
	}
	return object{"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#Collection(microsoft.graph.presence)", "value": list}, nil
}

func (s *Simulator) getPresence(c *call) (object, error)   { return s.onePresence(c.arg[0]) }
func (s *Simulator) getMyPresence(c *call) (object, error) { return s.onePresence(c.who.oid) }

func (s *Simulator) onePresence(id string) (object, error) {
	if !isGUID.MatchString(id) {
		return nil, badRequest("BadRequest", "The user id must be a GUID.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.presenceBody(strings.ToLower(id))
	if o == nil {
		return nil, &graphError{status: http.StatusNotFound, code: "NotFound", message: "The user was not found."}
	}
	o["@odata.context"] = "https://graph.microsoft.com/v1.0/$metadata#users('" + id + "')/presence/$entity"
	return o, nil
}

// presenceBody is nil for strangers; the caller holds mu.
func (s *Simulator) presenceBody(id string) object {
	p, ok := s.presences[id]
	if !ok {
		if _, err := s.lookup(id); err != nil && !s.faults.UnknownPeople {
			return nil
		}
		p = state{availability: "PresenceUnknown", activity: "PresenceUnknown"}
	}
	availability, activity := p.spelled(&s.faults)
	o := object{
		"id": id, "availability": availability, "activity": activity, "statusMessage": nil, "workLocation": nil,
		"outOfOfficeSettings": object{"message": nil, "isOutOfOffice": p.activity == "OutOfOffice"},
	}
	// Few people say more: everybody is read again and again, and a look-up takes its time.
	if u := s.directory.talkative[id]; u.StatusMessage != "" {
		o["statusMessage"] = object{"message": object{"content": u.StatusMessage, "contentType": "text"}, "publishedDateTime": nil}
	}
	if u := s.directory.talkative[id]; u.WorkLocation != "" {
		o["workLocation"] = object{"workLocationType": u.WorkLocation, "source": "manual", "placeId": nil}
	}
	if !s.faults.NoSequence {
		o["sequenceNumber"] = p.sequenceNumber()
	}
	return o
}
