package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"jtel.de/presencebridge/internal/app"
	"jtel.de/presencebridge/internal/config"
)

func serveCommand() *cobra.Command {
	var file string
	var deleteSubscriptions bool
	cmd := &cobra.Command{
		Use:   "serve --config FILE",
		Short: "Run the service",
		Long: "Run the service until SIGINT or SIGTERM. SIGHUP reads secrets anew and tries again\n" +
			"at once whatever waits for an operator.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" {
				return usageError{fmt.Errorf("serve needs --config FILE; docs/configuration.md explains every key")}
			}
			c, err := config.Load(file, os.Environ())
			if err != nil {
				return err
			}
			hangup := make(chan os.Signal, 1)
			signal.Notify(hangup, syscall.SIGHUP)
			defer signal.Stop(hangup)
			return app.Run(cmd.Context(), app.Options{
				Config:              c,
				Log:                 newLog(cmd.ErrOrStderr(), c.Log),
				Version:             versionText(),
				DeleteSubscriptions: deleteSubscriptions,
				Reload:              hangup,
			})
		},
	}
	cmd.Flags().StringVarP(&file, "config", "c", "", "configuration `FILE` (YAML)")
	cmd.Flags().BoolVar(&deleteSubscriptions, "delete-subscriptions", false,
		"delete the subscriptions at Graph on a clean stop, instead of leaving them to the next start")
	return cmd
}

// newLog writes as the configuration says.
func newLog(w io.Writer, c config.Log) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.Level}
	if c.Format == config.LogText {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}
