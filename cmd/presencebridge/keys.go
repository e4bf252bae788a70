package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"jtel.de/presencebridge/internal/app"
	"jtel.de/presencebridge/internal/config"
)

const keysPath = "/api/v1/keys"

func keysCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "List the keys that Graph encrypts with, make a new one",
		Long: "Ask the running service about the keys that Graph encrypts notifications with, or with --direct\n" +
			"look into data_dir while the service is stopped. The service makes a new key every year by\n" +
			"itself: see docs/operations.md, \"Rotating the encryption key\".",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usageError{fmt.Errorf("keys needs list or rotate; try: %s --help", cmd.CommandPath())}
		},
	}
	cmd.AddCommand(
		keysActCommand("list", "List the keys", "List the keys, the current one first. What is retired stays for as long as something that was\n"+
			"encrypted with it may still come.", keySource.list),
		keysActCommand("rotate", "Make a new key", "Make a new key and have every subscription renewed with it at once. The old one stays until\n"+
			"six hours after it was last needed, so nothing is lost.", keySource.rotate),
	)
	return cmd
}

// keyRow is a key as GET /api/v1/keys tells it.
type keyRow struct {
	ID          string    `json:"id"`
	Thumbprint  string    `json:"thumbprint"`
	Current     bool      `json:"current"`
	CreatedAt   time.Time `json:"createdAt"`
	RetiredAt   time.Time `json:"retiredAt,omitzero"`
	SeenAt      time.Time `json:"seenAt,omitzero"`
	ForgottenAt time.Time `json:"forgottenAt,omitzero"`
}

type keyAnswer struct {
	Note string   `json:"note,omitempty"`
	Keys []keyRow `json:"keys"`
}

// keySource is where the commands look and act: the service or data_dir.
type keySource interface {
	list(context.Context) (keyAnswer, error)
	rotate(context.Context) (keyAnswer, error)
}

func keysActCommand(name, short, long string, act func(keySource, context.Context) (keyAnswer, error)) *cobra.Command {
	var f commonFlags
	var direct bool
	cmd := &cobra.Command{
		Use:   name + " --config FILE",
		Short: short,
		Long:  long,
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := f.load(cmd)
			if err != nil {
				return err
			}
			source, end, err := openKeySource(cmd, c, direct)
			if err != nil {
				return err
			}
			defer end()
			answer, err := act(source, cmd.Context())
			if err != nil {
				return err
			}
			if f.output == outputJSON {
				return printJSON(cmd.OutOrStdout(), answer)
			}
			if answer.Note != "" {
				fmt.Fprintf(cmd.ErrOrStderr(), "presencebridge: %s\n", answer.Note)
			}
			return printKeys(cmd.OutOrStdout(), answer.Keys)
		},
	}
	f.register(cmd)
	cmd.Flags().BoolVar(&direct, "direct", false, "in data_dir, while the service is stopped")
	return cmd
}

func openKeySource(cmd *cobra.Command, c *config.Config, direct bool) (keySource, func(), error) {
	if !direct {
		o, err := newOperators(c.Listen, "start it, or look into data_dir with --direct")
		return serviceKeys{o}, func() {}, err
	}
	sealed, err := app.OpenKeys(cmd.Context(), c, newLog(cmd.ErrOrStderr(), config.LogText, c.Log.Level))
	if err != nil {
		return nil, nil, err
	}
	return directKeys{sealed}, func() { _ = sealed.Close() }, nil
}

type serviceKeys struct{ *operators }

func (s serviceKeys) list(ctx context.Context) (answer keyAnswer, err error) {
	err = s.call(ctx, http.MethodGet, keysPath, &answer)
	return answer, err
}

func (s serviceKeys) rotate(ctx context.Context) (answer keyAnswer, err error) {
	err = s.call(ctx, http.MethodPost, keysPath+"/rotate", &answer)
	return answer, err
}

type directKeys struct{ *app.SealedKeys }

func (d directKeys) list(context.Context) (answer keyAnswer, err error) {
	answer.Keys = []keyRow{}
	for _, k := range d.List() {
		answer.Keys = append(answer.Keys, keyRow(k))
	}
	return answer, nil
}

func (d directKeys) rotate(ctx context.Context) (keyAnswer, error) {
	if err := d.Rotate(ctx); err != nil {
		return keyAnswer{}, err
	}
	answer, err := d.list(ctx)
	answer.Note = "subscriptions take the new key when the service starts and renews them"
	return answer, err
}

func printKeys(out io.Writer, keys []keyRow) error {
	now := time.Now()
	ago := func(at time.Time) string { return span("", now.Sub(at), at, " ago") }
	t := table{head: []string{"ID", "STATE", "MADE", "RETIRED", "LAST SEEN", "FORGOTTEN", "THUMBPRINT"}, whole: true}
	for _, k := range keys {
		state := "retired"
		if k.Current {
			state = "current"
		}
		t.rows = append(t.rows, []string{k.ID, state, ago(k.CreatedAt), ago(k.RetiredAt), ago(k.SeenAt),
			span("in ", k.ForgottenAt.Sub(now), k.ForgottenAt, ""), k.Thumbprint})
	}
	return t.print(out)
}
