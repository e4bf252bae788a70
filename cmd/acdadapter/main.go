// Command acdadapter decides who may get a call: it consumes what Presence
// Bridge publishes, judges it by a rules file and hands on decisions. It is small
// enough to be copied from and complete enough to be used; docs/adapter.md is its
// page. Of ours it imports only what anybody may: events and the rules.
//
// Read desk.go first: it is the adapter. wiring.go has its only goroutines.
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
	if err == nil {
		return exitDone
	}
	fmt.Fprintf(os.Stderr, "acdadapter: %v\n", err)
	if _, usage := errors.AsType[usageError](err); usage {
		return exitUsage
	}
	return exitFailed
}

// usageError is wrong usage, which has an exit code of its own.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

func root() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "acdadapter",
		Short: "Decides by rules who may get a call",
		Long: "acdadapter consumes the presence events of Presence Bridge, judges them by a rules\n" +
			"file and publishes decisions: reachable or unreachable, with the rule that decided.\n\n" +
			"Start with: acdadapter try --rules FILE --events FILE",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("unknown command %q; try: acdadapter help", args[0])}
			}
			return cmd.Help()
		},
	}
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w; try: %s --help", err, cmd.CommandPath())}
	})
	cmd.AddCommand(runCommand(), tryCommand(), explainCommand())
	return cmd
}

// takes demands as many arguments as there are names.
func takes(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != len(names) {
			return usageError{fmt.Errorf("%s takes %d arguments %v, got %d; try: %s --help", cmd.CommandPath(), len(names), names, len(args), cmd.CommandPath())}
		}
		return nil
	}
}

// output checks the value of --output.
func output(value string) (asJSON bool, err error) {
	if value != "text" && value != "json" {
		return false, usageError{fmt.Errorf("--output %q is neither text nor json", value)}
	}
	return value == "json", nil
}
