package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"jtel.de/presencebridge/internal/people"
)

// findingRow is a finding as it is printed.
type findingRow struct {
	Tenant  string      `json:"tenant"`
	Kind    people.Kind `json:"kind"`
	Subject string      `json:"subject"`
	Reason  string      `json:"reason,omitempty"`
	People  []userRow   `json:"people"`
}

// meanings say what a finding is and what follows from it.
var meanings = map[people.Kind]string{
	people.NoMatch:          "Entries of the configuration that match nobody",
	people.MatchedTwice:     "Entries of the configuration that match several: use the object id",
	people.SharedAddress:    "Addresses that several people have: an adapter cannot tell them apart",
	people.SharedNumber:     "Numbers that several people have: an adapter cannot tell them apart",
	people.UnreadableNumber: "Numbers that cannot be read: write them like +49 89 123456",
	people.NationalNumber:   "Numbers without a country code, read by the usage location: better +49 89 123456",
	people.NoMail:           "People without an e-mail address: only their user name and numbers match",
	people.MailDiffers:      "People whose e-mail address is not their user name: both match",
}

func usersReportCommand() *cobra.Command {
	var f usersFlags
	cmd := &cobra.Command{
		Use:   "report --config FILE",
		Short: "Report what keeps people from being found",
		Long: "Report what is wrong with the identities of the watched people: entries that match nobody\n" +
			"or several, addresses and numbers that are shared, numbers that cannot be read.\n" +
			"Findings do not change the exit code.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			found, err := f.read(cmd)
			if err != nil {
				return err
			}
			rows, total := []findingRow{}, 0
			for _, t := range found {
				total += len(t.People)
				for _, finding := range people.Report(t.Resolution) {
					row := findingRow{Tenant: t.Tenant, Kind: finding.Kind, Subject: finding.Subject, Reason: finding.Reason, People: []userRow{}}
					for _, p := range finding.People {
						row.People = append(row.People, rowOf(t.Tenant, p))
					}
					rows = append(rows, row)
				}
			}
			if f.output == outputJSON {
				return printJSON(cmd.OutOrStdout(), rows)
			}
			return printReport(cmd.OutOrStdout(), rows, total)
		},
	}
	f.register(cmd)
	return cmd
}

// printReport prints a table for each kind of finding and tenant.
func printReport(out io.Writer, rows []findingRow, total int) error {
	for len(rows) > 0 {
		n := 1
		for n < len(rows) && rows[n].Kind == rows[0].Kind && rows[n].Tenant == rows[0].Tenant {
			n++
		}
		if _, err := fmt.Fprintf(out, "%s (%s, %d)\n", meanings[rows[0].Kind], rows[0].Tenant, n); err != nil {
			return err
		}
		t := table{indent: "  "}
		for _, r := range rows[:n] {
			about := r.Reason
			if len(r.People) > 0 {
				var names []string
				for _, p := range r.People {
					names = append(names, p.UserPrincipalName)
				}
				about = strings.Join(names, ", ")
			}
			t.rows = append(t.rows, []string{r.Subject, about})
		}
		if err := t.print(out); err != nil {
			return err
		}
		fmt.Fprintln(out)
		rows = rows[n:]
	}
	_, err := fmt.Fprintf(out, "%d people are watched\n", total)
	return err
}
