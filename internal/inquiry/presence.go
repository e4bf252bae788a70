package inquiry

import (
	"cmp"
	"context"
	"encoding/base64"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/internal/people"
)

const (
	usualLimit = 100
	mostLimit  = 1000
	// spare is what an answer needs beside its events: headers, the cursor.
	spare = 4 << 10
)

func (s *Service) get(_ context.Context, body []byte) (answer, error) {
	r, err := read[events.GetRequest](body)
	if err != nil {
		return answer{}, err
	}
	if r.UserID == "" {
		return answer{}, refuse(events.CodeInvalid, "name a person by userId; find takes mail and phone")
	}
	found, err := s.byID(r.TenantID, r.UserID)
	switch {
	case err != nil:
		return answer{}, err
	case len(found) > 1:
		return answer{}, refuse(events.CodeInvalid, "this id is known in %d tenants: add a tenantId", len(found))
	}
	b, err := events.Encode(found[0])
	return answer{events.ContentType, b}, err
}

// byID finds at least one.
func (s *Service) byID(tenantID, userID string) ([]events.UserEvent, error) {
	// The subject's ids are checked and written in lower case by the same rule.
	key, err := events.BucketKey(cmp.Or(tenantID, userID), userID)
	if err != nil {
		return nil, refuse(events.CodeInvalid, "%v", err)
	}
	if !s.Board.Ready() {
		return nil, errNotReady
	}
	tenant, user, _ := strings.Cut(key, ".")
	if tenantID == "" {
		return nobodyIsAnError(s.Board.Find(func(d *events.UserData) bool { return d.User.ID == user }))
	}
	e, known := s.Board.State(graph.Person{TenantID: tenant, UserID: user})
	if !known {
		return nil, errNobody
	}
	return []events.UserEvent{e}, nil
}

var (
	errNobody   = refuse(events.CodeNotFound, "nobody who is watched has a state and is named so")
	errNotReady = refuse(events.CodeUnavailable, "the bridge has just started and reads everybody's state; ask again")
)

func nobodyIsAnError(found []events.UserEvent) ([]events.UserEvent, error) {
	if len(found) == 0 {
		return nil, errNobody
	}
	return found, nil
}

func (s *Service) find(_ context.Context, body []byte) (answer, error) {
	r, err := read[events.FindRequest](body)
	if err != nil {
		return answer{}, err
	}
	if !names(r) {
		return answer{}, refuse(events.CodeInvalid, "name somebody by userId, mail or phone; list gives everybody")
	}
	found, err := s.named(r)
	if err != nil {
		return answer{}, err
	}
	slices.SortFunc(found, byPlace)
	// More than fit share a number only by mistake; how many does not matter then.
	b, _, err := s.encode(found)
	if err != nil {
		return answer{}, err
	}
	return jsonAnswer(page{People: b})
}

// names reports whether a request names somebody in particular.
func names(r events.FindRequest) bool { return r.UserID != "" || r.Mail != "" || r.Phone != "" }

// named finds those who are meant, at least one: by the first of id, address and
// number that somebody has.
func (s *Service) named(r events.FindRequest) ([]events.UserEvent, error) {
	number, readable := "", false
	if r.Phone != "" {
		if number, readable = people.E164(r.Phone, r.Region); !readable {
			return nil, refuse(events.CodeInvalid, "phone cannot be read: write it with its country (+49 89 123456), or give the region of a national one, like DE")
		}
	}
	if !s.Board.Ready() {
		return nil, errNotReady
	}
	of := inTenant(r.Tenant)
	if r.UserID != "" {
		found, err := s.byID("", r.UserID)
		found = slices.DeleteFunc(found, func(e events.UserEvent) bool { return !of(&e.Data) })
		if len(found) > 0 || err != nil && err != errNobody { //nolint:errorlint // this very one
			return found, err
		}
	}
	if mail := strings.TrimSpace(r.Mail); mail != "" {
		found := s.Board.Find(func(d *events.UserData) bool {
			return of(d) && (strings.EqualFold(d.User.Mail, mail) || strings.EqualFold(d.User.UserPrincipalName, mail))
		})
		if len(found) > 0 {
			return found, nil
		}
	}
	if !readable {
		return nil, errNobody
	}
	return nobodyIsAnError(s.Board.Find(func(d *events.UserData) bool { return of(d) && slices.Contains(d.User.Phones, number) }))
}

// inTenant matches a tenant by name or id; none means any.
func inTenant(tenant string) func(*events.UserData) bool {
	return func(d *events.UserData) bool {
		return tenant == "" || strings.EqualFold(tenant, d.TenantID) || strings.EqualFold(tenant, d.Tenant)
	}
}

// page is the answer of find and list.
type page struct {
	People     []jsontext.Value `json:"people"`
	NextCursor string           `json:"nextCursor,omitempty"`
}

func (s *Service) list(_ context.Context, body []byte) (answer, error) {
	r, err := read[events.ListRequest](body)
	if err != nil {
		return answer{}, err
	}
	if r.Limit == 0 {
		r.Limit = usualLimit
	}
	if r.Limit < 1 || r.Limit > mostLimit {
		return answer{}, refuse(events.CodeInvalid, "limit must be from 1 to %d", mostLimit)
	}
	after, err := base64.RawURLEncoding.DecodeString(r.Cursor)
	if err != nil {
		return answer{}, refuse(events.CodeInvalid, "cursor must be the nextCursor of another page")
	}
	if !s.Board.Ready() {
		return answer{}, errNotReady
	}
	of := inTenant(r.Tenant)
	found := s.Board.Find(func(d *events.UserData) bool {
		return of(d) && place(d) > string(after) &&
			(r.State == "" || strings.EqualFold(r.State, d.Availability) || strings.EqualFold(r.State, d.Activity))
	})
	slices.SortFunc(found, byPlace)
	encoded, n, err := s.encode(found[:min(r.Limit, len(found))])
	if err != nil {
		return answer{}, err
	}
	p := page{People: encoded}
	if n < len(found) {
		p.NextCursor = base64.RawURLEncoding.EncodeToString([]byte(place(&found[n-1].Data)))
	}
	return jsonAnswer(p)
}

// encode writes as many events as an answer may hold, one at least.
func (s *Service) encode(list []events.UserEvent) ([]jsontext.Value, int, error) {
	encoded, left := make([]jsontext.Value, 0, len(list)), int(s.Conn.MaxPayload())-spare
	for i, e := range list {
		b, err := events.Encode(e)
		if err != nil {
			return nil, 0, err
		}
		if left -= len(b) + 1; left < 0 && i > 0 {
			return encoded, i, nil
		}
		encoded = append(encoded, b)
	}
	return encoded, len(list), nil
}

// place is where a person stands in the list.
func place(d *events.UserData) string { return d.TenantID + "." + d.User.ID }

func byPlace(a, b events.UserEvent) int { return strings.Compare(place(&a.Data), place(&b.Data)) }
