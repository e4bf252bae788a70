package inquiry

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"jtel.de/presencebridge/events"
)

// readRequest is what bridges ask each other: to read some people of a tenant,
// or everybody.
type readRequest struct {
	UserIDs []string `json:"userIds,omitempty"`
}

// refreshOf is where the bridge listens that reads a tenant.
func refreshOf(tenantID string) string { return events.RequestRefresh + "." + tenantID }

// refresh passes the request on to the bridges that read the tenants, itself
// included: which one is asked first is chance.
func (s *Service) refresh(ctx context.Context, body []byte) (answer, error) {
	r, err := read[events.RefreshRequest](body)
	if err != nil {
		return answer{}, err
	}
	byTenant, err := s.whom(r)
	if err != nil {
		return answer{}, err
	}
	var sum events.Refreshed
	for _, tenantID := range slices.Sorted(maps.Keys(byTenant)) {
		n, err := s.pass(ctx, tenantID, readRequest{byTenant[tenantID]})
		if err != nil {
			return answer{}, err
		}
		sum.Asked += n
	}
	return jsonAnswer(sum)
}

// whom gives the ids of those who are meant by tenant; nil ids are everybody.
func (s *Service) whom(r events.RefreshRequest) (map[string][]string, error) {
	byTenant := map[string][]string{}
	if names(r) {
		found, err := s.named(r)
		for _, e := range found {
			byTenant[e.Data.TenantID] = append(byTenant[e.Data.TenantID], e.Data.User.ID)
		}
		return byTenant, err
	}
	if !s.Board.Ready() {
		return nil, errNotReady
	}
	of := inTenant(r.Tenant)
	for _, t := range s.Tenants {
		if of(&events.UserData{TenantID: t.ID, Tenant: t.Name}) {
			byTenant[t.ID] = nil
		}
	}
	s.Board.Find(func(d *events.UserData) bool {
		if of(d) {
			byTenant[d.TenantID] = nil
		}
		return false
	})
	if len(byTenant) == 0 {
		return nil, refuse(events.CodeNotFound, "there is no such tenant")
	}
	return byTenant, nil
}

// pass asks the bridge that reads a tenant.
func (s *Service) pass(ctx context.Context, tenantID string, r readRequest) (int, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return 0, err
	}
	m, err := s.Conn.RequestWithContext(ctx, refreshOf(tenantID), body)
	if errors.Is(err, nats.ErrNoResponders) || errors.Is(err, context.DeadlineExceeded) {
		return 0, refuse(events.CodeUnavailable, "no bridge reads tenant %s now", tenantID)
	}
	if err != nil {
		return 0, fmt.Errorf("ask the bridge of tenant %s: %w", tenantID, err)
	}
	if text := m.Header.Get(micro.ErrorCodeHeader); text != "" {
		code, _ := strconv.Atoi(text)
		return 0, refuse(code, "%s", m.Header.Get(micro.ErrorHeader))
	}
	var out events.Refreshed
	return out.Asked, json.Unmarshal(m.Data, &out)
}

// readNow answers for a tenant that this bridge reads.
func readNow(t Tenant, body []byte) (answer, error) {
	r, err := read[readRequest](body)
	if err != nil {
		return answer{}, err
	}
	for i, id := range r.UserIDs {
		r.UserIDs[i] = strings.ToLower(id)
	}
	return jsonAnswer(events.Refreshed{Asked: t.Read(r.UserIDs)})
}
