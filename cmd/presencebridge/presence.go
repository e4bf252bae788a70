package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

const presencePath = "/api/v1/presence"

func presenceCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "presence",
		Short: "Show one person's presence, that of many, or watch it change",
		Long:  "Ask the running service what it knows about the presence of people: what is on NATS, no more.",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usageError{fmt.Errorf("presence needs get, list or watch; try: %s --help", cmd.CommandPath())}
		},
	}
	cmd.AddCommand(presenceGetCommand(), presenceListCommand(), presenceWatchCommand())
	return cmd
}

// personRow is a person and the last state, as the API and the data of a user
// event tell it. Nothing but the person is there while nothing is known.
type personRow struct {
	TenantID       string         `json:"tenantId"`
	Tenant         string         `json:"tenant"`
	User           personInRow    `json:"user"`
	Availability   string         `json:"availability,omitempty"`
	Activity       string         `json:"activity,omitempty"`
	OutOfOffice    *bool          `json:"outOfOffice,omitempty"`
	StatusMessage  *string        `json:"statusMessage,omitempty"`
	WorkLocation   *string        `json:"workLocation,omitempty"`
	SequenceNumber string         `json:"sequenceNumber,omitempty"`
	Previous       *previousInRow `json:"previous,omitempty"`
	Origin         string         `json:"origin,omitempty"`
	ObservedAt     time.Time      `json:"observedAt,omitzero"`
	PublishedAt    time.Time      `json:"publishedAt,omitzero"`
	Freshness      string         `json:"freshness,omitempty"`
}

type personInRow struct {
	ID                string   `json:"id"`
	UserPrincipalName string   `json:"userPrincipalName,omitempty"`
	Mail              string   `json:"mail,omitempty"`
	DisplayName       string   `json:"displayName,omitempty"`
	Phones            []string `json:"phones,omitempty"`
}

type previousInRow struct {
	Availability string    `json:"availability"`
	Activity     string    `json:"activity"`
	ObservedAt   time.Time `json:"observedAt"`
}

// name is how people call the person.
func (r personRow) name() string {
	return cmp.Or(r.User.DisplayName, r.User.UserPrincipalName, r.User.Mail, r.User.ID)
}

// stateWords are one word where availability and activity say the same.
func stateWords(availability, activity string) string {
	switch {
	case availability == "" && activity == "":
		return "not known yet"
	case activity == "" || strings.EqualFold(availability, activity):
		return availability
	}
	return availability + " / " + activity
}

func presenceGetCommand() *cobra.Command {
	var f askFlags
	var tenant string
	cmd := &cobra.Command{
		Use:   "get PERSON --config FILE",
		Short: "Show one person's presence",
		Long: "Show one person's presence. PERSON is an e-mail address, a user principal name, a phone number\n" +
			"or a directory id. Whoever is found more than once is not shown: nobody in particular is meant.",
		Example: "  presencebridge presence get agent1@contoso.com --config presencebridge.yaml\n" +
			"  presencebridge presence get +4989123456 --admin 127.0.0.1:9090 --output json",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 || strings.TrimSpace(args[0]) == "" {
				return usageError{fmt.Errorf("%s takes one person, got %d; try: %s --help", cmd.CommandPath(), len(args), cmd.CommandPath())}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o, err := f.open(cmd)
			if err != nil {
				return err
			}
			row, err := findPerson(cmd.Context(), o, strings.TrimSpace(args[0]), tenant)
			if err != nil {
				return err
			}
			if f.output == outputJSON {
				return printJSON(cmd.OutOrStdout(), row)
			}
			return printPerson(cmd.OutOrStdout(), row, time.Now())
		},
	}
	f.register(cmd)
	cmd.Flags().StringVar(&tenant, "tenant", "", "only in the tenant of this `NAME`")
	return cmd
}

var (
	directoryID = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	phoneNumber = regexp.MustCompile(`^(\+|00)[0-9 ()/.-]+$|^tel:`)
)

// findPerson asks in the way that the text looks like.
func findPerson(ctx context.Context, o *operators, who, tenant string) (row personRow, err error) {
	if directoryID.MatchString(who) {
		err = o.call(ctx, http.MethodGet, presencePath+"/"+strings.ToLower(who), &row)
		return row, err
	}
	query := url.Values{"limit": {"10"}}
	if tenant != "" {
		query.Set("tenant", tenant)
	}
	if phoneNumber.MatchString(who) {
		query.Set("phone", who)
	} else {
		query.Set("mail", who)
	}
	var page presencePage
	if err := o.call(ctx, http.MethodGet, presencePath+"?"+query.Encode(), &page); err != nil {
		return row, err
	}
	switch len(page.People) {
	case 0:
		return row, fmt.Errorf("nobody who is watched has %q as e-mail address, user principal name or number; see: presencebridge presence list, presencebridge users report", who)
	case 1:
		return page.People[0], nil
	}
	var names []string
	for _, p := range page.People {
		names = append(names, cmp.Or(p.User.UserPrincipalName, p.User.ID)+" of "+p.Tenant)
	}
	return row, fmt.Errorf("%d people have %q: %s; ask by user principal name or id", len(names), who, strings.Join(names, ", "))
}

// printPerson prints all that is known about one person, a fact a line.
func printPerson(out io.Writer, r personRow, now time.Time) error {
	t := table{whole: true}
	line := func(what, value string) {
		if value != "" {
			t.rows = append(t.rows, []string{what, value})
		}
	}
	line("person", r.name())
	line("presence", stateWords(r.Availability, r.Activity))
	if !r.ObservedAt.IsZero() {
		line("since", fmt.Sprintf("%s, %s", r.ObservedAt.Local().Format("2006-01-02 15:04:05 MST"), span("", now.Sub(r.ObservedAt), r.ObservedAt, " ago")))
		line("told by", r.Origin)
		freshness := r.Freshness
		if freshness == "stale" {
			freshness = "stale: it could not be confirmed lately"
		}
		line("freshness", freshness)
	}
	if r.Previous != nil {
		line("before", fmt.Sprintf("%s, since %s", stateWords(r.Previous.Availability, r.Previous.Activity), r.Previous.ObservedAt.Local().Format("2006-01-02 15:04:05 MST")))
	}
	if r.OutOfOffice != nil && *r.OutOfOffice {
		line("out of office", "yes")
	}
	if r.StatusMessage != nil {
		line("status message", *r.StatusMessage)
	}
	if r.WorkLocation != nil {
		line("work location", *r.WorkLocation)
	}
	line("user", r.User.UserPrincipalName)
	if r.User.Mail != r.User.UserPrincipalName {
		line("e-mail", r.User.Mail)
	}
	line("numbers", strings.Join(r.User.Phones, ", "))
	line("id", r.User.ID)
	line("tenant", r.Tenant)
	return t.print(out)
}

// presencePage is a page of GET /api/v1/presence.
type presencePage struct {
	People     []personRow `json:"people"`
	NextCursor string      `json:"nextCursor"`
}

// everybody reads all pages.
func everybody(ctx context.Context, o *operators, query url.Values) (rows []personRow, err error) {
	query.Set("limit", "5000")
	for {
		var page presencePage
		if err := o.call(ctx, http.MethodGet, presencePath+"?"+query.Encode(), &page); err != nil {
			return nil, err
		}
		rows = append(rows, page.People...)
		if page.NextCursor == "" {
			return rows, nil
		}
		query.Set("cursor", page.NextCursor)
	}
}

func presenceListCommand() *cobra.Command {
	var f askFlags
	var tenant, state string
	cmd := &cobra.Command{
		Use:     "list --config FILE",
		Short:   "List everybody's presence",
		Long:    "List everybody who is watched, and the last state of each.",
		Example: "  presencebridge presence list --config presencebridge.yaml --state busy,donotdisturb",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, err := f.open(cmd)
			if err != nil {
				return err
			}
			query := url.Values{}
			for name, value := range map[string]string{"tenant": tenant, "state": state} {
				if value != "" {
					query.Set(name, value)
				}
			}
			rows, err := everybody(cmd.Context(), o, query)
			if err != nil {
				return err
			}
			slices.SortStableFunc(rows, func(a, b personRow) int {
				return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(strings.ToLower(a.name()), strings.ToLower(b.name())))
			})
			if f.output == outputJSON {
				return printJSON(cmd.OutOrStdout(), map[string]any{"people": append([]personRow{}, rows...)})
			}
			return printPeople(cmd.OutOrStdout(), rows, time.Now())
		},
	}
	f.register(cmd)
	cmd.Flags().StringVar(&tenant, "tenant", "", "only the tenant of this `NAME`")
	cmd.Flags().StringVar(&state, "state", "", "only these `STATES`, separated by commas: an availability or activity, fresh, stale, or unknown")
	return cmd
}

func printPeople(out io.Writer, rows []personRow, now time.Time) error {
	t := table{head: []string{"PERSON", "PRESENCE", "SINCE", "TOLD BY", "FRESHNESS", "USER", "TENANT"}}
	if len(rows) == 0 || rows[0].Tenant == rows[len(rows)-1].Tenant { // they are sorted
		t.head = t.head[:6]
	}
	unknown := 0
	for _, r := range rows {
		if r.ObservedAt.IsZero() {
			unknown++
		}
		row := []string{r.name(), stateWords(r.Availability, r.Activity), span("", now.Sub(r.ObservedAt), r.ObservedAt, " ago"),
			cmp.Or(r.Origin, "-"), cmp.Or(r.Freshness, "-"), r.User.UserPrincipalName, r.Tenant}
		t.rows = append(t.rows, row[:len(t.head)])
	}
	err := t.print(out)
	summary := fmt.Sprintf("%d people", len(rows))
	if unknown > 0 {
		summary += fmt.Sprintf(", of %d no state is known yet", unknown)
	}
	_, err2 := fmt.Fprintln(out, summary)
	return errors.Join(err, err2)
}
