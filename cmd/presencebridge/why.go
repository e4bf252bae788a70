package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"jtel.de/presencebridge/internal/trail"
)

func whyCommand() *cobra.Command {
	var f commonFlags
	var at, tenant string
	cmd := &cobra.Command{
		Use:   "why PERSON --config FILE [--at 10:42]",
		Short: "Say why somebody was reachable or not at some time",
		Long: "Ask the running service for the trail of one person: what came from Microsoft, what was\n" +
			"published, what adapters decided by which rule, and how long each took. PERSON is an e-mail\n" +
			"address, a user principal name, a directory id or a phone number. A trail goes back as far\n" +
			"as events.history.",
		Example: "  presencebridge why agent1@contoso.com --config presencebridge.yaml --at 10:42",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 || strings.TrimSpace(args[0]) == "" {
				return usageError{fmt.Errorf("%s takes one person, got %d; try: %s --help", cmd.CommandPath(), len(args), cmd.CommandPath())}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			moment, err := readMoment(at, time.Now())
			if err != nil {
				return err
			}
			c, err := f.load(cmd)
			if err != nil {
				return err
			}
			o, err := newOperators(c.Listen, "start it; only the running service knows")
			if err != nil {
				return err
			}
			query := url.Values{"at": {moment.UTC().Format(time.RFC3339)}}
			if tenant != "" {
				query.Set("tenant", tenant)
			}
			var t trail.Trail
			path := "/api/v1/trail/" + url.PathEscape(strings.TrimSpace(args[0])) + "?" + query.Encode()
			if err := o.call(cmd.Context(), http.MethodGet, path, &t); err != nil {
				return err
			}
			if f.output == outputJSON {
				return printJSON(cmd.OutOrStdout(), t)
			}
			return printTrail(cmd.OutOrStdout(), t)
		},
	}
	f.register(cmd)
	cmd.Flags().StringVar(&at, "at", "", "`TIME` that is asked about, of this machine's clock: 10:42, 10:42:30 or 2026-11-23T10:42:00Z; now if left out")
	cmd.Flags().StringVar(&tenant, "tenant", "", "only the tenant of this `NAME`")
	return cmd
}

// readMoment reads a time of day as the last time that it was, or a whole time.
func readMoment(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return now, nil
	}
	for _, layout := range []string{"15:04", time.TimeOnly} {
		clock, err := time.Parse(layout, text)
		if err != nil {
			continue
		}
		day := time.Date(now.Year(), now.Month(), now.Day(), clock.Hour(), clock.Minute(), clock.Second(), 0, now.Location())
		if day.After(now) {
			day = day.AddDate(0, 0, -1)
		}
		return day, nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04", "2006-01-02 15:04", time.DateTime} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usageError{fmt.Errorf("--at %q is no time: write 10:42, 10:42:30 or 2026-11-23T10:42:00Z", text)}
}

// around is how much of a trail is printed before and after the time asked about.
const around = 15 * time.Minute

func printTrail(out io.Writer, t trail.Trail) error {
	at := t.At.Local()
	p := &trailPrinter{out: out}
	p.line("%s (%s), tenant %s", cmp.Or(t.UserPrincipalName, t.Mail, t.UserID), t.UserID, t.Tenant)
	p.line("At %s:", at.Format("2006-01-02 15:04:05 MST"))
	switch s := t.State; {
	case s == nil:
		p.line("  nothing was published about them; history is kept for %s", t.History)
	default:
		p.line("  %s, known since %s by %s%s", presenceShown(s), timeOfDay(s.At, at), cmp.Or(s.Origin, "an event"), unconfirmed(s))
	}
	if c := t.Coverage; c != nil {
		p.line("  covered by account %s, %s since %s%s", c.Account, c.State, timeOfDay(c.At, at), reasonShown(c.Reason))
	}
	for _, d := range t.Decisions {
		p.line("  %s: %s since %s, by rule %s", d.Client, d.Decision, timeOfDay(d.At, at), ruleShown(d))
	}
	if len(t.Decisions) == 0 {
		p.line("  no adapter decided anything about them within %s", t.History)
	}
	if t.Incomplete != "" {
		p.line("Not complete: %s.", t.Incomplete)
	}
	if p.err != nil {
		return p.err
	}
	rows := table{head: []string{"TIME", "WHAT", "STATE", "BECAME", "AFTER", "WHY"}}
	before, after := 0, 0
	for _, e := range t.Entries {
		switch {
		case e.At.Before(t.At.Add(-around)) && e.LastAt.Before(t.At.Add(-around)):
			before++
		case e.At.After(t.At.Add(around)):
			after++
		default:
			rows.rows = append(rows.rows, trailRow(e, at))
		}
	}
	if len(rows.rows) > 0 {
		p.line("")
		if err := errors.Join(p.err, rows.print(out)); err != nil {
			return err
		}
	}
	if before+after > 0 {
		p.line("%d entries are more than %s away; --output json has them all", before+after, strings.TrimSuffix(around.String(), "0s"))
	}
	if t.Since.After(t.At.Add(-around)) {
		p.line("What came before %s and told nothing new is not known any more.", timeOfDay(t.Since, at))
	}
	return p.err
}

func trailRow(e trail.Entry, at time.Time) []string {
	row := []string{timeOfDay(e.At, at), e.Kind, "", "", "", ""}
	switch e.Kind {
	case trail.KindState:
		row[1], row[2], row[3], row[4] = cmp.Or(e.Origin, e.Kind), presenceShown(&e), e.Became, delayShown(e.StoredMs)
		if e.Times > 1 {
			row[1] += fmt.Sprintf(" x%d", e.Times)
			row[5] = "until " + timeOfDay(e.LastAt, at)
		}
		if why := becauseOf[e.Became]; why != "" && row[5] == "" {
			row[5] = why
		}
	case trail.KindDecision:
		row[2], row[3], row[4], row[5] = e.Client, e.Decision, delayShown(e.DecidedMs), ruleShown(e)
	case trail.KindCoverage:
		row[2], row[3], row[5] = e.Account, e.State, e.Reason
	case trail.KindDirectory:
		row[3] = e.Change
	}
	return row
}

// becauseOf says what a reading's fate means.
var becauseOf = map[string]string{
	"repeated": "told nothing new",
	"older":    "what was known was newer",
	"failed":   "could not be stored; it came again or was read",
	"stale":    "could not be confirmed",
}

func presenceShown(e *trail.Entry) string {
	text := e.Availability + "/" + e.Activity
	if e.OutOfOffice != nil && *e.OutOfOffice {
		text += ", out of office"
	}
	return text
}

func unconfirmed(e *trail.Entry) string {
	if e.Became == "stale" {
		return ", but it could not be confirmed any more"
	}
	return ""
}

func reasonShown(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

func ruleShown(e trail.Entry) string {
	if e.RuleLine > 0 {
		return fmt.Sprintf("%s (line %d)", e.Rule, e.RuleLine)
	}
	return e.Rule
}

// delayShown is a delay as people read it.
func delayShown(ms *float64) string {
	if ms == nil {
		return ""
	}
	return time.Duration(*ms * float64(time.Millisecond)).Round(100 * time.Microsecond).String()
}

// timeOfDay is a time of day, with its date if that is another day than the other's.
func timeOfDay(t, other time.Time) string {
	t = t.Local()
	if t.Format(time.DateOnly) != other.Local().Format(time.DateOnly) {
		return t.Format(time.DateTime)
	}
	return t.Format(time.TimeOnly)
}

// trailPrinter prints lines and keeps the first error.
type trailPrinter struct {
	out io.Writer
	err error
}

func (l *trailPrinter) line(format string, a ...any) {
	if l.err == nil {
		_, l.err = fmt.Fprintln(l.out, printable(fmt.Sprintf(format, a...)))
	}
}
