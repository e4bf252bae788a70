package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"jtel.de/presencebridge/internal/app"
	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/people"
)

func usersCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "users",
		Short: "Who is watched, who matches an address or number, and what is wrong with either",
		Long: "Read the people whom the configuration names straight from Graph, as the app.\n" +
			"The service need not run.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usageError{fmt.Errorf("users needs list, find or report; try: %s --help", cmd.CommandPath())}
		},
	}
	cmd.AddCommand(usersListCommand(), usersFindCommand(), usersReportCommand())
	return cmd
}

// usersFlags are what the three commands have in common.
type usersFlags struct{ file, tenant, output string }

func (f *usersFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&f.file, "config", "c", "", "configuration `FILE` (YAML)")
	cmd.Flags().StringVar(&f.tenant, "tenant", "", "only the tenant of this `NAME`")
	cmd.Flags().StringVarP(&f.output, "output", "o", outputText, "`FORMAT`: text or json")
}

// read checks the flags and asks Graph.
func (f *usersFlags) read(cmd *cobra.Command) ([]app.TenantPeople, error) {
	if f.file == "" {
		return nil, usageError{fmt.Errorf("%s needs --config FILE; docs/configuration.md explains every key", cmd.CommandPath())}
	}
	if f.output != outputText && f.output != outputJSON {
		return nil, usageError{fmt.Errorf("--output %q: text or json", f.output)}
	}
	c, err := config.Load(f.file, os.Environ())
	if err != nil {
		return nil, err
	}
	found, err := app.ReadPeople(cmd.Context(), c, f.tenant, newLog(cmd.ErrOrStderr(), config.LogText, c.Log.Level))
	switch {
	case err != nil && errors.Is(err, context.Canceled):
		return nil, errors.New("interrupted")
	case err == nil && len(found) == 0:
		return nil, usageError{fmt.Errorf("--tenant %q: the configuration has no tenant of this name", f.tenant)}
	}
	return found, err
}

// byName sorts rows for people.
func byName(a, b userRow) int {
	return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.DisplayName, b.DisplayName), cmp.Compare(a.ID, b.ID))
}

// userRow is a person as the commands show one.
type userRow struct {
	Tenant            string   `json:"tenant"`
	ID                string   `json:"id"`
	DisplayName       string   `json:"displayName"`
	UserPrincipalName string   `json:"userPrincipalName"`
	Mail              string   `json:"mail"`
	Phones            []string `json:"phones"`           // E.164
	UnreadablePhones  []string `json:"unreadablePhones"` // as somebody typed them
}

func rowOf(tenant string, p people.Person) userRow {
	return userRow{
		Tenant: tenant, ID: p.ID, DisplayName: p.DisplayName, UserPrincipalName: p.UserPrincipalName, Mail: p.Mail,
		Phones: append([]string{}, p.Phones...), UnreadablePhones: append([]string{}, p.RawPhones...),
	}
}

func printUsers(out io.Writer, output string, rows []userRow) error {
	slices.SortFunc(rows, byName)
	if output == outputJSON {
		return printJSON(out, rows)
	}
	t := table{head: []string{"NAME", "USER NAME", "E-MAIL", "PHONES", "TENANT"}}
	if len(rows) == 0 || rows[0].Tenant == rows[len(rows)-1].Tenant { // they are sorted
		t.head = t.head[:4]
	}
	for _, r := range rows {
		mail := r.Mail
		if strings.EqualFold(mail, r.UserPrincipalName) {
			mail = "same"
		}
		row := []string{r.DisplayName, r.UserPrincipalName, mail, strings.Join(slices.Concat(r.Phones, r.UnreadablePhones), ", "), r.Tenant}
		t.rows = append(t.rows, row[:len(t.head)])
	}
	return t.print(out)
}

func usersListCommand() *cobra.Command {
	var f usersFlags
	cmd := &cobra.Command{
		Use:   "list --config FILE",
		Short: "List who is watched",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			found, err := f.read(cmd)
			if err != nil {
				return err
			}
			rows, missed := []userRow{}, 0
			for _, t := range found {
				missed += len(t.Missed)
				for _, p := range t.People {
					rows = append(rows, rowOf(t.Tenant, p))
				}
			}
			if missed > 0 {
				fmt.Fprintf(cmd.ErrOrStderr(), "presencebridge: %d entries of the configuration match nobody; see: presencebridge users report\n", missed)
			}
			return printUsers(cmd.OutOrStdout(), f.output, rows)
		},
	}
	f.register(cmd)
	return cmd
}

func usersFindCommand() *cobra.Command {
	var f usersFlags
	cmd := &cobra.Command{
		Use:   "find --config FILE ADDRESS-OR-NUMBER",
		Short: "Find a watched person by e-mail address, user name or phone number",
		Long: "Find a watched person the way an adapter does: by e-mail address or user name, and if\n" +
			"nobody has that, by phone number. The exit code is 1 if nobody matches, or more than one.",
		Example: "  presencebridge users find --config presencebridge.yaml agent1@contoso.com\n" +
			"  presencebridge users find --config presencebridge.yaml '+49 89 123456'",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 || strings.TrimSpace(args[0]) == "" {
				return usageError{fmt.Errorf("users find takes one address or number, got %d; try: %s --help", len(args), cmd.CommandPath())}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			found, err := f.read(cmd)
			if err != nil {
				return err
			}
			d, names := people.NewDirectory(), map[string]string{}
			for _, t := range found {
				d.Replace(t.TenantID, t.People)
				names[t.TenantID] = t.Tenant
			}
			matches := d.FindByMail("", args[0])
			if len(matches) == 0 {
				matches = d.FindByPhone("", args[0])
			}
			rows := []userRow{}
			for _, p := range matches {
				rows = append(rows, rowOf(names[p.TenantID], p))
			}
			if len(rows) > 0 || f.output == outputJSON {
				if err := printUsers(cmd.OutOrStdout(), f.output, rows); err != nil {
					return err
				}
			}
			switch len(rows) {
			case 0:
				return errors.New("nobody who is watched has this address or number")
			case 1:
				return nil
			}
			return fmt.Errorf("%d people match: an adapter cannot tell whom is meant", len(rows))
		},
	}
	f.register(cmd)
	return cmd
}
