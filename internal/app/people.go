package app

import (
	"context"
	"fmt"
	"log/slog"

	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/people"
)

// TenantPeople are the people of one tenant whom the configuration names.
type TenantPeople struct {
	Tenant, TenantID string
	people.Resolution
}

// ReadPeople reads whom the configuration names straight from Graph, as the app,
// without a running service. A name of a tenant reads that one alone.
func ReadPeople(ctx context.Context, c *config.Config, tenant string, log *slog.Logger) ([]TenantPeople, error) {
	roots, err := trustRoots(c.Graph.CAFile)
	if err != nil {
		return nil, err
	}
	var all []TenantPeople
	for _, t := range c.Tenants {
		if tenant != "" && tenant != t.Name {
			continue
		}
		_, reader, err := newConnection(c.Graph, func() config.Tenant { return t }, roots, log).app(log)
		if err != nil {
			return nil, fmt.Errorf("tenant %s: %w", t.Name, err)
		}
		r, err := people.Resolve(ctx, reader, selection(t.People))
		if err != nil {
			return nil, fmt.Errorf("read people of tenant %s: %w", t.Name, err)
		}
		for i := range r.People {
			r.People[i].TenantID = t.ID
		}
		all = append(all, TenantPeople{t.Name, t.ID, r})
	}
	return all, nil
}
