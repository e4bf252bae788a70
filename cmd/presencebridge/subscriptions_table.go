package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"
)

// subscriptionRow is a service user and the subscription that it has, as
// GET /api/v1/subscriptions tells it. Straight from Graph less is known.
type subscriptionRow struct {
	ID             string    `json:"id,omitempty"`
	Tenant         string    `json:"tenant"`
	TenantID       string    `json:"tenantId"`
	Account        string    `json:"account"`
	Username       string    `json:"username,omitempty"`
	State          string    `json:"state"`
	People         int       `json:"people"`
	Assigned       *int      `json:"assigned,omitempty"`
	ExpiresAt      time.Time `json:"expiresAt,omitzero"`
	RenewedAt      time.Time `json:"renewedAt,omitzero"`
	LastDeliveryAt time.Time `json:"lastDeliveryAt,omitzero"`
	NextAttemptAt  time.Time `json:"nextAttemptAt,omitzero"`
	Trouble        string    `json:"trouble,omitempty"`
	Advice         string    `json:"advice,omitempty"`
}

// subscriptionAnswer is what became of an action.
type subscriptionAnswer struct {
	Asked        string          `json:"asked"`
	Note         string          `json:"note"`
	Subscription subscriptionRow `json:"subscription"`
}

// who is the account as people know it.
func (r subscriptionRow) who() string { return cmp.Or(r.Username, "("+r.Account+")") }

// complaint is what is wrong and what to do; may be empty.
func (r subscriptionRow) complaint() string {
	if r.Trouble != "" && r.Advice != "" {
		return r.Trouble + "; " + r.Advice
	}
	return cmp.Or(r.Trouble, r.Advice)
}

func printSubscriptions(out io.Writer, output string, rows []subscriptionRow) error {
	slices.SortStableFunc(rows, func(a, b subscriptionRow) int {
		// Whom no account carries comes last.
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), -cmp.Compare(min(len(a.Username), 1), min(len(b.Username), 1)), cmp.Compare(a.Username, b.Username))
	})
	if output == outputJSON {
		return printJSON(out, map[string]any{"subscriptions": append([]subscriptionRow{}, rows...)})
	}
	now := time.Now()
	t := table{head: []string{"ACCOUNT", "STATE", "PEOPLE", "EXPIRES", "RENEWED", "DELIVERED", "ID", "TENANT"}, whole: true}
	if len(rows) == 0 || rows[0].Tenant == rows[len(rows)-1].Tenant { // they are sorted
		t.head = t.head[:7]
	}
	for _, r := range rows {
		people := strconv.Itoa(r.People)
		if r.Assigned != nil && *r.Assigned != r.People {
			people += " of " + strconv.Itoa(*r.Assigned)
		}
		row := []string{r.who(), r.State, people, span("in ", r.ExpiresAt.Sub(now), r.ExpiresAt, ""),
			span("", now.Sub(r.RenewedAt), r.RenewedAt, " ago"), span("", now.Sub(r.LastDeliveryAt), r.LastDeliveryAt, " ago"), cmp.Or(r.ID, "-"), r.Tenant}
		t.rows = append(t.rows, row[:len(t.head)])
	}
	if err := t.print(out); err != nil {
		return err
	}
	for _, r := range rows {
		if what := r.complaint(); what != "" {
			if _, err := fmt.Fprintf(out, "%s: %s\n", r.who(), what); err != nil {
				return err
			}
		}
	}
	return nil
}

// span is a time from now as people read it: 12s, 3m, 2h5m, 4d3h.
func span(before string, d time.Duration, at time.Time, after string) string {
	switch {
	case at.IsZero():
		return "-"
	case d < time.Second: // clocks differ, too
		return "now"
	case d < time.Minute:
		return fmt.Sprintf("%s%ds%s", before, int(d.Seconds()), after)
	case d < time.Hour:
		return fmt.Sprintf("%s%dm%s", before, int(d.Minutes()), after)
	}
	if hours := int(d.Hours()); hours >= 48 {
		return fmt.Sprintf("%s%dd%dh%s", before, hours/24, hours%24, after)
	}
	return fmt.Sprintf("%s%dh%dm%s", before, int(d.Hours()), int(d.Minutes())%60, after)
}
