package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"jtel.de/presencebridge/internal/demo"
)

func demoCommand() *cobra.Command {
	var o demo.Options
	var output string
	var verbose bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show everything in one process: simulated tenant, bridge, NATS, consumer",
		Long: "Show the whole way in one process, without configuration and without a network:\n" +
			"a simulated Microsoft tenant whose people live a working day, the real bridge with\n" +
			"its real HTTPS callback, embedded NATS, and a consumer that checks what arrives.\n" +
			"Runs until Ctrl-C. The exit code is 0 only if every change arrived.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case o.People < 1 || o.People > 650:
				return usageError{fmt.Errorf("--people %d: 1 to 650 are possible", o.People)}
			case o.Rate <= 0 || o.Rate > 1000:
				return usageError{fmt.Errorf("--rate %g: more than 0 and up to 1000 changes a second are possible", o.Rate)}
			case o.For < 0:
				return usageError{fmt.Errorf("--for %s: a duration cannot be negative", o.For)}
			case output != "text" && output != "json":
				return usageError{fmt.Errorf("--output %q: text or json", output)}
			}
			out := cmd.OutOrStdout()
			o.Log = slog.New(slog.DiscardHandler)
			if verbose {
				o.Log = slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelInfo}))
			}
			var view demoView = plainView{out}
			if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) && !verbose && output == "text" {
				view = newTableView(f)
			} else if output == "json" {
				view = jsonView{out}
			}
			fmt.Fprintln(cmd.ErrOrStderr(), "starting a simulated tenant, NATS and the bridge ...")
			o.Started, o.Observe, o.Tick = view.started, view.observe, view.tick
			summary, err := demo.Run(cmd.Context(), o)
			view.close()
			if err != nil {
				return err
			}
			if output == "json" {
				err = json.NewEncoder(out).Encode(summary)
			} else {
				err = printSummary(out, summary)
			}
			if summary.Missing > 0 {
				err = errors.Join(err, fmt.Errorf("%d changes did not arrive; repeat with --seed %d --verbose to see why", summary.Missing, summary.Seed))
			}
			return err
		},
	}
	f := cmd.Flags()
	f.DurationVar(&o.For, "for", 0, "end after this time, e.g. 10s (default: run until Ctrl-C)")
	f.IntVar(&o.People, "people", 24, "how many people the tenant has, at most 650")
	f.Float64Var(&o.Rate, "rate", 4, "changes per second, all people together")
	f.Uint64Var(&o.Seed, "seed", 0, "repeat an earlier working day (default: a new one)")
	f.StringVar(&output, "output", "text", "text or json")
	f.BoolVarP(&verbose, "verbose", "v", false, "show the service's log and plain lines instead of the table")
	return cmd
}

// demoView shows a demo while it runs.
type demoView interface {
	started(demo.Started)
	observe(demo.Observation)
	tick(demo.Totals)
	close()
}

// plainView prints a line per event: for files, pipes and screen readers.
type plainView struct{ out io.Writer }

func (v plainView) started(s demo.Started) {
	fmt.Fprintf(v.out, "%d people are covered; seed %d\n", len(s.People), s.Seed)
	fmt.Fprintf(v.out, "status page http://%s/\n", s.Admin)
	fmt.Fprintf(v.out, "callback https://%s  nats %s\n", s.Callback, s.NATS)
	fmt.Fprintf(v.out, "watch it yourself: nats --server %s sub 'presence.v1.user.>'\n", s.NATS)
}

func (v plainView) observe(o demo.Observation) {
	delay := "-"
	if o.Paired {
		delay = milliseconds(o.Delay)
	}
	fmt.Fprintf(v.out, "%s  %-16s %-36s %10s  %s\n", o.At.Format("15:04:05.000"), o.Name, o.Availability+" / "+o.Activity, delay, o.Origin)
}

func (v plainView) tick(demo.Totals) {}

func (v plainView) close() {}

// jsonView prints nothing but the summary, for scripts.
type jsonView struct{ out io.Writer }

func (jsonView) started(demo.Started)     {}
func (jsonView) observe(demo.Observation) {}
func (jsonView) tick(demo.Totals)         {}
func (jsonView) close()                   {}

func printSummary(out io.Writer, s demo.Summary) error {
	_, err := fmt.Fprintf(out, `
changes made by the tenant      %6d
changes received by a consumer  %6d
missing                         %6d
latency from change to receipt  p50 %s, p99 %s
first readings and corrections  %6d
time                            %s, seed %d
`, s.Made, s.Received, s.Missing, milliseconds(s.P50), milliseconds(s.P99), s.Extra, s.Elapsed.Round(100*time.Millisecond), s.Seed)
	return err
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}
