// Command presencebridge watches the Microsoft Teams presence of an
// organisation's people and puts every change on NATS. One file a command:
// flags, output, exit code; the work is in internal/app and below.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes of every command.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() { os.Exit(run()) }

func run() int {
	// A second signal ends the process at once: Go's default is restored by stop.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)

	err := root().ExecuteContext(ctx)
	var usage usageError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &usage):
		fmt.Fprintf(os.Stderr, "presencebridge: %v\n", err)
		return exitUsage
	default:
		fmt.Fprintf(os.Stderr, "presencebridge: %v\n", err)
		return exitFailed
	}
}

// usageError is wrong usage, which has an exit code of its own.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

func root() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "presencebridge",
		Short: "Microsoft Teams presence on NATS, pushed instead of polled",
		Long: "Presence Bridge watches the Microsoft Teams presence of an organisation's people\n" +
			"through Microsoft Graph change notifications and puts every change on NATS.\n\n" +
			"Start with: presencebridge demo",
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("unknown command %q; try: presencebridge help", args[0])}
			}
			return cmd.Help()
		},
		Args: cobra.ArbitraryArgs,
	}
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w; try: %s --help", err, cmd.CommandPath())}
	})
	cmd.AddCommand(serveCommand(), checkCommand(), demoCommand(), simulateCommand(), usersCommand(), presenceCommand(), subscriptionsCommand(),
		keysCommand(), tokenCommand(), setupCommand(), initCommand(), loginCommand(), whyCommand(), healthCommand(), versionCommand())
	complete(cmd)
	return cmd
}

// noArgs refuses arguments as wrong usage.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("%s takes no arguments, got %q; try: %s --help", cmd.CommandPath(), args[0], cmd.CommandPath())}
	}
	return nil
}
