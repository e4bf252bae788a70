package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const subscriptionsPath = "/api/v1/subscriptions"

// lookAgain is how often it is looked whether the service has done what was asked.
const lookAgain = 300 * time.Millisecond

// serviceSubscriptions are those of the running service.
type serviceSubscriptions struct {
	*operators
	flags subscriptionsFlags
	err   io.Writer // for notes and progress
}

func (s serviceSubscriptions) list(ctx context.Context) ([]subscriptionRow, error) {
	rows, err := s.all(ctx)
	return slices.DeleteFunc(rows, func(r subscriptionRow) bool { return !s.chosen(r) }), err
}

func (s serviceSubscriptions) chosen(r subscriptionRow) bool {
	return (s.flags.tenant == "" || r.Tenant == s.flags.tenant) && (s.flags.account == "" || strings.EqualFold(r.Username, s.flags.account) || r.Account == s.flags.account)
}

func (s serviceSubscriptions) all(ctx context.Context) (rows []subscriptionRow, err error) {
	for query := (url.Values{"limit": {"1000"}}); ; {
		var page struct {
			Subscriptions []subscriptionRow `json:"subscriptions"`
			NextCursor    string            `json:"nextCursor"`
		}
		if err := s.call(ctx, http.MethodGet, subscriptionsPath+"?"+query.Encode(), &page); err != nil {
			return nil, err
		}
		rows = append(rows, page.Subscriptions...)
		if page.NextCursor == "" {
			return rows, nil
		}
		query.Set("cursor", page.NextCursor)
	}
}

// act asks, and waits until the list shows that it was done.
func (s serviceSubscriptions) act(ctx context.Context, action, id string) (subscriptionAnswer, error) {
	rows, err := s.all(ctx)
	if err != nil {
		return subscriptionAnswer{}, err
	}
	i := slices.IndexFunc(rows, func(r subscriptionRow) bool { return r.ID == id && s.chosen(r) })
	if i < 0 {
		return subscriptionAnswer{}, noSuchSubscription(id)
	}
	known := map[string]bool{}
	for _, r := range rows {
		known[r.ID] = true
	}
	method, path := http.MethodPost, subscriptionsPath+"/"+url.PathEscape(id)+"/"+action
	if action == deleteSubscription {
		method, path = http.MethodDelete, subscriptionsPath+"/"+url.PathEscape(id)
	}
	var answer subscriptionAnswer
	if err := s.call(ctx, method, path, &answer); err != nil {
		return answer, err
	}
	if s.flags.output == outputText {
		fmt.Fprintf(s.err, "presencebridge: %s\n", answer.Note)
	}
	answer.Subscription, err = s.await(ctx, rows[i], action, known)
	return answer, err
}

// await gives the row that shows the outcome, or the trouble that is in its way.
func (s serviceSubscriptions) await(ctx context.Context, before subscriptionRow, action string, known map[string]bool) (subscriptionRow, error) {
	p := progress{out: s.err, began: time.Now()}
	defer p.end()
	for {
		rows, err := s.all(ctx)
		if err != nil {
			return subscriptionRow{}, err
		}
		after, done := outcome(action, before, known, rows)
		if done {
			return after, nil
		}
		if time.Since(p.began) >= s.flags.wait {
			return subscriptionRow{}, fmt.Errorf("not done after %s: %s; the service goes on trying, see: presencebridge subscriptions list",
				s.flags.wait, cmp.Or(after.complaint(), "no trouble is known"))
		}
		p.show(after.complaint())
		timer := time.NewTimer(lookAgain)
		select {
		case <-ctx.Done():
			timer.Stop()
			return subscriptionRow{}, errors.New("interrupted; the service goes on")
		case <-timer.C:
		}
	}
}

// outcome looks for what became of a subscription: done with the row that shows
// it, or not yet with that of the account. Who was replaced may be carried by a
// spare account now, which had nothing before.
func outcome(action string, before subscriptionRow, known map[string]bool, rows []subscriptionRow) (row subscriptionRow, done bool) {
	var own, spare subscriptionRow
	for _, r := range rows {
		switch {
		case r.TenantID != before.TenantID:
		case r.Account == before.Account:
			own = r
		case r.ID != "" && !known[r.ID]:
			spare = r
		}
	}
	nobody := own.Assigned != nil && *own.Assigned == 0
	switch {
	case own.ID == before.ID:
		return own, action == renewSubscription && own.RenewedAt.After(before.RenewedAt)
	case own.ID != "":
		return own, true
	case nobody && spare.ID != "":
		return spare, true
	}
	return own, nobody
}
