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
	"jtel.de/presencebridge/internal/tracing"
)

func serveCommand() *cobra.Command {
	var file string
	var deleteSubscriptions bool
	cmd := &cobra.Command{
		Use:   "serve --config FILE",
		Short: "Run the service",
		Long: "Run the service until SIGINT or SIGTERM. SIGHUP, or a changed file, takes up\n" +
			"people, secrets and log level anew and tries again at once whatever waits for an operator.",
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
			level := new(slog.LevelVar)
			level.Set(c.Log.Level)
			log := newLog(cmd.ErrOrStderr(), c.Log.Format, level)
			tracer, stop, err := tracing.Start(cmd.Context(), os.Getenv, versionText(), log)
			if err != nil {
				return err
			}
			defer stop()
			app.TuneMemory()
			return app.Run(cmd.Context(), app.Options{
				Config:              c,
				Log:                 log,
				Tracer:              tracer,
				Version:             versionText(),
				DeleteSubscriptions: deleteSubscriptions,
				Reload:              hangup,
				File:                file,
				Load:                func() (*config.Config, error) { return config.Load(file, os.Environ()) },
				Level:               level,
			})
		},
	}
	cmd.Flags().StringVarP(&file, "config", "c", "", "configuration `FILE` (YAML)")
	cmd.Flags().BoolVar(&deleteSubscriptions, "delete-subscriptions", false,
		"delete the subscriptions at Graph on a clean stop, instead of leaving them to the next start")
	return cmd
}

// newLog writes in the format and from the level that the configuration names.
func newLog(w io.Writer, format string, level slog.Leveler) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if format == config.LogText {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}
