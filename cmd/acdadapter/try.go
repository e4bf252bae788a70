package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"jtel.de/presencebridge/events"
)

func tryCommand() *cobra.Command {
	var rulesFile, eventsFile, format string
	cmd := &cobra.Command{
		Use:   "try --rules FILE --events FILE",
		Short: "Run rules over recorded events, without NATS",
		Long: "Run rules over recorded user events, one JSON document after the other, and print what\n" +
			"would have been decided. The clock is that of the recording. --events - reads standard\n" +
			"input. To record: nats sub --raw 'presence.v1.user.>' > events.jsonl",
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			asJSON, err := output(format)
			if err != nil {
				return err
			}
			if eventsFile == "" {
				return usageError{errors.New("--events FILE is missing; a file of recorded events, or - for standard input")}
			}
			set, err := loadRules(rulesFile)
			if err != nil {
				return err
			}
			recording, err := readRecording(cmd.InOrStdin(), eventsFile)
			if err != nil {
				return err
			}
			rows := newRehearsal(set).play(recording)
			if asJSON {
				return printRowsJSON(cmd.OutOrStdout(), rows)
			}
			return printRows(cmd.OutOrStdout(), rulesFile, rows)
		},
	}
	f := cmd.Flags()
	f.StringVar(&rulesFile, "rules", "", "rules `FILE` (YAML)")
	f.StringVar(&eventsFile, "events", "", "`FILE` of recorded events")
	f.StringVar(&format, "output", "text", "`FORMAT`: text or json (one document a line)")
	return cmd
}

// readRecording gives the user events of a file in their order; other events of
// the contract are passed over.
func readRecording(stdin io.Reader, file string) ([]events.UserEvent, error) {
	in := stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, fmt.Errorf("read events: %w", err)
		}
		defer f.Close()
		in = f
	}
	var recording []events.UserEvent
	decoder := jsontext.NewDecoder(bufio.NewReader(in))
	for n := 1; ; n++ {
		value, err := decoder.ReadValue()
		if errors.Is(err, io.EOF) {
			return recording, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read events: document %d of %s: %w", n, file, err)
		}
		e, err := events.DecodeAny(value)
		if err != nil {
			return nil, fmt.Errorf("read events: document %d of %s: %w", n, file, err)
		}
		if user, ok := e.(events.UserEvent); ok {
			recording = append(recording, user)
		}
	}
}

func printRowsJSON(w io.Writer, rows []row) error {
	encoder := json.NewEncoder(w)
	for _, r := range rows {
		if err := encoder.Encode(r); err != nil {
			return err
		}
	}
	return nil
}

// printRows: a decision that changed is marked, and says which line decided.
func printRows(w io.Writer, file string, rows []row) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "TIME\tCLIENT\tPERSON\tPRESENCE\tRULES SAY\tDECISION\tBY")
	for _, r := range rows {
		presence := r.Availability + "/" + r.Activity
		if r.Availability == "" && r.Activity == "" {
			presence = "(hold is over)"
		}
		if r.Stale {
			presence += " (stale)"
		}
		if len(r.Unknown) > 0 {
			presence += " (unknown)"
		}
		decision := "  " + r.Decision
		if r.Changed {
			decision = "* " + r.Decision
		}
		if r.Decision == "" {
			decision = "  none yet"
		}
		if r.HoldUntil != nil {
			decision += ", reachable at " + r.HoldUntil.Format(time.TimeOnly)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s:%d %s\n",
			r.Time.Format(time.DateTime), r.Client, r.Person, presence, r.Says, decision, file, r.Line, r.Rule)
	}
	return table.Flush()
}
