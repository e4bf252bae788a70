package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"
)

// watchFlags say what is watched and for how long.
type watchFlags struct {
	askFlags
	tenant, states string
	now            bool
	count          int
	span           time.Duration
}

func presenceWatchCommand() *cobra.Command {
	var f watchFlags
	cmd := &cobra.Command{
		Use:   "watch [PERSON...] --config FILE",
		Short: "Watch presence change, live",
		Long: "Print every change of presence as it happens, a line each, until Ctrl-C: in colours on a terminal,\n" +
			"with --output json one event a line. Persons narrow it: a name, e-mail address, user principal\n" +
			"name, number or id, or a part of one. After a broken connection it goes on where it was.",
		Example: "  presencebridge presence watch --config presencebridge.yaml\n" +
			"  presencebridge presence watch \"Agent One\" --admin 127.0.0.1:9090 --now",
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.count < 0 || f.span < 0 {
				return usageError{errors.New("--count and --for cannot be negative")}
			}
			o, err := f.open(cmd)
			if err != nil {
				return err
			}
			ctx := cmd.Context()
			if f.span > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, f.span)
				defer cancel()
			}
			w := newWatch(cmd.OutOrStdout(), cmd.ErrOrStderr(), o, f, args)
			err = w.run(ctx)
			if ctx.Err() != nil { // Ctrl-C, or the time is over
				return nil
			}
			return err
		},
	}
	f.register(cmd)
	cmd.Flags().StringVar(&f.tenant, "tenant", "", "only the tenant of this `NAME`")
	cmd.Flags().StringVar(&f.states, "state", "", "only changes to these `STATES`, separated by commas: an availability or activity")
	cmd.Flags().BoolVar(&f.now, "now", false, "print the states of now first")
	cmd.Flags().IntVar(&f.count, "count", 0, "end after so many changes; 0: never")
	cmd.Flags().DurationVar(&f.span, "for", 0, "end after this time; 0: never")
	return cmd
}

// watch prints changes until it has seen enough.
type watch struct {
	watchFlags
	out, notes io.Writer
	from       *operators
	who        []string // lower case; empty is everybody
	states     []string // lower case; empty is every state
	colours    bool
	width      func() int // of the terminal now
	left       int        // changes to print still; negative: no end
}

func newWatch(out, notes io.Writer, o *operators, f watchFlags, who []string) *watch {
	w := &watch{watchFlags: f, out: out, notes: notes, from: o, left: f.count, width: func() int { return lineWidth(out) }}
	if f.count == 0 {
		w.left = -1
	}
	// A variable that is set to anything: https://no-color.org.
	w.colours = f.output == outputText && w.width() > 0 && os.Getenv("NO_COLOR") == ""
	for _, p := range who {
		w.who = append(w.who, strings.ToLower(p))
	}
	for _, s := range strings.Split(f.states, ",") {
		if s = strings.TrimSpace(strings.ToLower(s)); s != "" {
			w.states = append(w.states, s)
		}
	}
	return w
}

// run follows the service's events, and again after each end of the connection.
func (w *watch) run(ctx context.Context) error {
	query := url.Values{"type": {"user"}}
	if w.tenant != "" {
		query.Set("tenant", w.tenant)
	}
	feed := &eventFeed{from: w.from, query: query}
	said := ""
	for {
		var failed error
		err := feed.follow(ctx, func(e feedEvent) error {
			said, failed = "", w.take(ctx, e)
			return failed
		})
		switch {
		case errors.Is(failed, errEnough):
			return nil
		case failed != nil:
			return failed
		case ctx.Err() != nil:
			return ctx.Err()
		case !feed.began: // it never worked: not to be waited out
			return err
		}
		if text := err.Error(); text != said {
			said = text
			fmt.Fprintf(w.notes, "presencebridge: %s; trying again\n", text)
		}
		if err := pause(ctx, 2*time.Second); err != nil {
			return err
		}
	}
}

var errEnough = errors.New("enough")

// take prints an event if it is asked for.
func (w *watch) take(ctx context.Context, e feedEvent) error {
	switch e.kind {
	case "ready":
		return w.ready(ctx, e)
	case "presence.user.changed.v1":
	default:
		return nil
	}
	var event struct {
		Data personRow `json:"data"`
	}
	if err := json.Unmarshal(e.data, &event); err != nil {
		return fmt.Errorf("read an event: %w", err)
	}
	if !w.wanted(event.Data) {
		return nil
	}
	line := string(e.data)
	if w.output == outputText {
		line = w.line(event.Data)
	}
	if _, err := fmt.Fprintln(w.out, line); err != nil {
		return err
	}
	if w.left--; w.left == 0 {
		return errEnough
	}
	return nil
}

// ready follows each connection. What was missed cannot be printed any more.
func (w *watch) ready(ctx context.Context, e feedEvent) error {
	var begin struct {
		Complete bool `json:"complete"`
	}
	if err := json.Unmarshal(e.data, &begin); err != nil {
		return fmt.Errorf("read an event: %w", err)
	}
	if e.again {
		if !begin.Complete {
			fmt.Fprintln(w.notes, "presencebridge: connected again; what happened meanwhile is not on the stream any more, see: presencebridge presence list")
		}
		return nil
	}
	query := url.Values{}
	if w.tenant != "" {
		query.Set("tenant", w.tenant)
	}
	rows, err := everybody(ctx, w.from, query)
	if err != nil {
		return err
	}
	rows = slices.DeleteFunc(rows, func(r personRow) bool { return !w.named(r) })
	fmt.Fprintf(w.notes, "presencebridge: watching %d people, Ctrl-C ends\n", len(rows))
	if !w.now {
		return nil
	}
	for _, r := range rows {
		if !w.wanted(r) {
			continue
		}
		line := w.line(r)
		if w.output == outputJSON { // as in an event
			text, err := json.Marshal(map[string]personRow{"data": r})
			if err != nil {
				return err
			}
			line = string(text)
		}
		if _, err := fmt.Fprintln(w.out, line); err != nil {
			return err
		}
	}
	return nil
}

func (w *watch) wanted(r personRow) bool {
	return w.named(r) && (len(w.states) == 0 ||
		slices.Contains(w.states, strings.ToLower(r.Availability)) || slices.Contains(w.states, strings.ToLower(r.Activity)))
}

// named reports whether the person is one of those who are watched.
func (w *watch) named(r personRow) bool {
	about := strings.ToLower(strings.Join(append([]string{r.User.DisplayName, r.User.UserPrincipalName, r.User.Mail, r.User.ID}, r.User.Phones...), "\n"))
	return len(w.who) == 0 || slices.ContainsFunc(w.who, func(who string) bool { return strings.Contains(about, who) })
}

// line is a change as people read it, in colours on a terminal.
func (w *watch) line(r personRow) string {
	at := "  --:--:--"
	if !r.ObservedAt.IsZero() {
		at = r.ObservedAt.Local().Format("15:04:05.0")
	}
	narrow := w.colours && w.width() < 110
	nameWidth, stateWidth := 22, 30
	if narrow {
		nameWidth, stateWidth = 16, 25
	}
	notes := r.Origin
	if p := r.Previous; p != nil && r.Freshness != "stale" {
		lasted := "a moment"
		if d := r.ObservedAt.Sub(p.ObservedAt); d >= time.Second {
			lasted = span("", d, p.ObservedAt, "")
		}
		if notes = fmt.Sprintf("was %s for %s, %s", stateWords(p.Availability, p.Activity), lasted, r.Origin); narrow {
			notes = fmt.Sprintf("was %s for %s", p.Availability, lasted)
		}
	}
	if r.Freshness == "stale" {
		notes = "could not be confirmed lately"
	}
	name := pad(printable(cut(r.name(), nameWidth)), nameWidth)
	state := pad("● "+printable(cut(stateWords(r.Availability, r.Activity), stateWidth)), stateWidth+2)
	if !w.colours {
		return strings.TrimRight(fmt.Sprintf("%s  %s  %s  %s", at, name, state, printable(notes)), " ")
	}
	text := dim + at + plain + "  " + bold + name + plain + "  " + colour(r.Availability) + state + plain + "  " + dim + printable(notes) + plain
	if width := w.width(); cut(text, width) != text {
		text = cut(text, width-1) + "…"
	}
	return text + plain
}

// pause waits; the context's error ends it early.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
