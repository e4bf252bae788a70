package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"jtel.de/presencebridge/internal/app"
)

// directSubscriptions are what Graph tells each service user.
type directSubscriptions struct{ users []app.ServiceUser }

// The states that Graph alone tells.
const (
	stateExists  = "exists"
	stateNone    = "none"
	stateUnknown = "unknown" // Graph or Entra ID refused
)

// list gives a row for each service user, and says at the end who could not be asked.
func (d directSubscriptions) list(ctx context.Context) (rows []subscriptionRow, err error) {
	failed := 0
	for _, u := range d.users {
		found, err := u.Subscriptions(ctx)
		if ctx.Err() != nil {
			return nil, errors.New("interrupted")
		}
		row := subscriptionRow{Tenant: u.Tenant, TenantID: u.TenantID, Account: u.Key, Username: u.Username, State: stateNone}
		if err != nil {
			failed++
			row.State, row.Trouble = stateUnknown, err.Error()
		}
		if len(found) == 0 {
			rows = append(rows, row)
		}
		for _, s := range found {
			row.State, row.ID, row.People, row.ExpiresAt = stateExists, s.ID, len(s.UserIDs), s.ExpiresAt
			rows = append(rows, row)
		}
	}
	if failed > 0 {
		err = fmt.Errorf("%d of %d service users could not be asked", failed, len(d.users))
	}
	return rows, err
}

// act does it as the service user whose subscription it is.
func (d directSubscriptions) act(ctx context.Context, action, id string) (subscriptionAnswer, error) {
	rows, err := d.list(ctx)
	for _, row := range rows {
		if row.ID != id {
			continue
		}
		for _, u := range d.users {
			if u.Key == row.Account {
				return actAs(ctx, u, action, row)
			}
		}
	}
	for _, row := range rows {
		if row.Trouble != "" {
			err = fmt.Errorf("%w: %s: %s", err, row.who(), row.Trouble)
		}
	}
	return subscriptionAnswer{}, errors.Join(noSuchSubscription(id), err)
}

func actAs(ctx context.Context, u app.ServiceUser, action string, row subscriptionRow) (answer subscriptionAnswer, err error) {
	answer.Asked = action
	switch action {
	case renewSubscription:
		row.ExpiresAt, err = u.Renew(ctx, row.ID)
		row.RenewedAt = time.Now()
		answer.Note = "renewed; a running service renews by itself, by what it knows"
	case deleteSubscription:
		err = u.Delete(ctx, row.ID)
		row.ID, row.State, row.People, row.ExpiresAt = "", stateNone, 0, time.Time{}
		answer.Note = "deleted; a running service notices at its next renewal, up to half an hour later, and makes a new one; the next start does so at once"
	}
	answer.Subscription = row
	if err != nil {
		return answer, fmt.Errorf("as %s: %w", u.Username, err)
	}
	return answer, nil
}

func noSuchSubscription(id string) error {
	return fmt.Errorf("no subscription has the id %q; see: presencebridge subscriptions list", id)
}
