package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/rules"
)

// explainWithin bounds the whole command.
const explainWithin = 5 * time.Second

func explainCommand() *cobra.Command {
	var b bus
	var rulesFile, format string
	cmd := &cobra.Command{
		Use:   "explain PERSON --rules FILE [--nats URL]",
		Short: "Say why somebody is reachable or not",
		Long: "Say for each client which rules were tried on somebody's last state, which one decided,\n" +
			"what is decided and how long a hold runs. PERSON is an e-mail address, a user principal\n" +
			"name, a directory id or a phone number.",
		Args: takes("PERSON"),
		RunE: func(cmd *cobra.Command, args []string) error {
			asJSON, err := output(format)
			if err != nil {
				return err
			}
			set, err := loadRules(rulesFile)
			if err != nil {
				return err
			}
			who, err := named(set, args[0])
			if err != nil {
				return err
			}
			nc, js, err := b.open(slog.New(slog.DiscardHandler))
			if err != nil {
				return err
			}
			defer nc.Close()
			ctx, cancel := context.WithTimeout(cmd.Context(), explainWithin)
			defer cancel()
			if err := connected(ctx, nc); err != nil {
				return err
			}
			found, err := find(ctx, js, who)
			if err != nil {
				return err
			}
			for _, e := range found {
				x, err := explain(ctx, js, b.name, set, e)
				if err != nil {
					return err
				}
				if asJSON {
					err = json.NewEncoder(cmd.OutOrStdout()).Encode(x)
				} else {
					err = x.print(cmd.OutOrStdout(), rulesFile)
				}
				if err != nil {
					return err
				}
			}
			return nil
		},
	}
	b.flags(cmd)
	cmd.Flags().StringVar(&rulesFile, "rules", "", "rules `FILE` (YAML)")
	cmd.Flags().StringVar(&format, "output", "text", "`FORMAT`: text or json")
	return cmd
}

// connected waits until the connection is there.
func connected(ctx context.Context, nc *nats.Conn) error {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for !nc.IsConnected() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("no NATS server answers; check --nats and the rights: %w", cmp.Or(nc.LastError(), ctx.Err()))
		case <-ticker.C:
		}
	}
	return nil
}

// named reads PERSON. National numbers are read in the regions of the clients.
func named(set *rules.Set, person string) (rules.Who, error) {
	var who rules.Who
	ok := who.Add(person, "")
	for _, c := range set.Clients {
		ok = who.Add(person, c.Region) || ok
	}
	if !ok {
		return who, usageError{fmt.Errorf("%q is no e-mail address, directory id or phone number", person)}
	}
	return who, nil
}

// find gives the last event of everybody who is named.
func find(ctx context.Context, js jetstream.JetStream, who rules.Who) ([]events.UserEvent, error) {
	var found []events.UserEvent
	for e, err := range events.Snapshot(ctx, js) {
		if errors.Is(err, events.ErrMalformed) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if who.Names(&e.Data.User, "") != "" {
			found = append(found, e)
		}
	}
	if len(found) == 0 {
		return nil, errors.New("nobody of that name or number is watched; the bridge's configuration says who is")
	}
	return found, nil
}

// explanation is why somebody is reachable or not.
type explanation struct {
	Presence events.UserData `json:"presence"`
	Clients  []reason        `json:"clients"`
}

// reason is one client's part of it.
type reason struct {
	Client    string          `json:"client"`
	Listens   bool            `json:"listens"`
	Overrides []namedOverride `json:"overrides,omitempty"`
	Tried     []rules.Step    `json:"tried,omitempty"` // the last one decided
	Hold      string          `json:"hold,omitempty"`
	Unknown   []string        `json:"unknown,omitempty"`
	Record    *record         `json:"record,omitempty"` // what run has decided; nil if nothing
}

type namedOverride struct {
	Name string `json:"name"`
	Line int    `json:"line"`
	By   string `json:"foundBy"`
}

func explain(ctx context.Context, js jetstream.JetStream, bucket string, set *rules.Set, e events.UserEvent) (explanation, error) {
	x := explanation{Presence: e.Data}
	for _, c := range set.Clients {
		r := reason{Client: c.Name, Listens: c.Listens(&e.Data)}
		if r.Listens {
			verdict := c.Judge(&e.Data)
			r.Tried, r.Hold, r.Unknown = c.Explain(&e.Data), verdict.Hold.String(), verdict.Unknown
			for _, a := range c.Applies(&e.Data.User) {
				r.Overrides = append(r.Overrides, namedOverride{a.Name, a.Line, a.By})
			}
			var err error
			if r.Record, err = recorded(ctx, js, bucket, c.Name, e.Data.User.ID); err != nil {
				return explanation{}, err
			}
		}
		x.Clients = append(x.Clients, r)
	}
	return x, nil
}

// recorded reads one record; nil if there is none.
func recorded(ctx context.Context, js jetstream.JetStream, bucket, client, userID string) (*record, error) {
	kv, err := js.KeyValue(ctx, bucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open bucket %s: %w", bucket, err)
	}
	entry, err := kv.Get(ctx, client+"."+userID)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read bucket %s: %w", bucket, err)
	}
	r := new(record)
	return r, json.Unmarshal(entry.Value(), r)
}

func (x *explanation) print(w io.Writer, file string) error {
	d := &x.Presence
	p := &printer{w: w}
	p.line("%s %s (%s)", d.User.DisplayName, d.User.UserPrincipalName, d.User.ID)
	p.line("  %s/%s, %s, observed %s by %s, tenant %s", d.Availability, d.Activity, d.Freshness, d.ObservedAt.Format(time.RFC3339), d.Origin, d.Tenant)
	for _, r := range x.Clients {
		p.line("client %s", r.Client)
		if !r.Listens {
			p.line("  does not ask about this person: tenants and people in %s", file)
			continue
		}
		for _, o := range r.Overrides {
			p.line("  override %s (%s:%d), found by %s", o.Name, file, o.Line, o.By)
		}
		for _, u := range r.Unknown {
			p.line("  unknown %s", u)
		}
		for _, s := range r.Tried {
			says := "says " + s.Then
			if s.Misses != "" {
				says = "does not match: " + s.Misses
			}
			p.line("  %s:%d %s: %s", file, s.By.Line, s.By.Rule, says)
		}
		p.line("  free takes effect after %s", r.Hold)
		switch {
		case r.Record == nil:
			p.line("  decided: nothing; acdadapter run has not seen this person")
		case r.Record.Decision == "":
			p.line("  decided: nothing yet")
		default:
			p.line("  decided: %s since %s by %s:%d %s", r.Record.Decision, r.Record.Since.Format(time.RFC3339), file, r.Record.By.Line, r.Record.By.Rule)
		}
		if r.Record != nil && r.Record.Hold != nil {
			p.line("  reachable at %s by %s:%d %s, if nothing comes between", r.Record.Hold.Until.Format(time.RFC3339), file, r.Record.Hold.By.Line, r.Record.Hold.By.Rule)
		}
	}
	return p.err
}

// printer keeps the first error.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, a ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", a...)
	}
}
