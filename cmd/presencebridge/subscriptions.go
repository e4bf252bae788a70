package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"jtel.de/presencebridge/internal/app"
	"jtel.de/presencebridge/internal/config"
)

func subscriptionsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "subscriptions",
		Short: "List the subscriptions at Graph, renew them, make them anew, delete them",
		Long: "Ask the running service about its subscriptions, or with --direct go straight to Graph as\n" +
			"the service users, which works while the service is stopped. A running service renews,\n" +
			"replaces and heals subscriptions by itself: see docs/operations.md, \"Renewing by hand\".",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usageError{fmt.Errorf("subscriptions needs list, renew, recreate or delete; try: %s --help", cmd.CommandPath())}
		},
	}
	cmd.AddCommand(
		subscriptionsListCommand(),
		subscriptionsActCommand(renewSubscription, "Renew a subscription now",
			"Renew a subscription now, instead of at half of its life, and wait until that is done."),
		subscriptionsActCommand(recreateSubscription, "Have a subscription made anew",
			"Have a subscription made anew, with a spare service user before the old one goes, and wait\n"+
				"until that is done. Only the running service can do this."),
		subscriptionsActCommand(deleteSubscription, "Delete a subscription at Graph",
			"Delete a subscription at Graph. While its people are to be watched, the running service makes\n"+
				"a new one at once; this waits until that is done."),
	)
	return cmd
}

// The actions, as the API names them.
const (
	renewSubscription    = "renew"
	recreateSubscription = "recreate"
	deleteSubscription   = "delete"
)

// subscriptionsFlags are what the four commands have in common.
type subscriptionsFlags struct {
	file, tenant, account, output string
	direct                        bool
	wait                          time.Duration
}

func (f *subscriptionsFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&f.file, "config", "c", "", "configuration `FILE` (YAML)")
	cmd.Flags().StringVar(&f.tenant, "tenant", "", "only the tenant of this `NAME`")
	cmd.Flags().StringVar(&f.account, "account", "", "only the service user of this `NAME`, or of this account key")
	cmd.Flags().StringVarP(&f.output, "output", "o", outputText, "`FORMAT`: text or json")
	cmd.Flags().BoolVar(&f.direct, "direct", false, "straight at Graph as the service users, without the running service")
}

// subscriptionsSource is where the commands look and act: the service or Graph.
type subscriptionsSource interface {
	list(ctx context.Context) ([]subscriptionRow, error)
	act(ctx context.Context, action, id string) (subscriptionAnswer, error)
}

// source checks the flags and opens nothing yet.
func (f *subscriptionsFlags) source(cmd *cobra.Command) (subscriptionsSource, error) {
	if f.file == "" {
		return nil, usageError{fmt.Errorf("%s needs --config FILE; docs/configuration.md explains every key", cmd.CommandPath())}
	}
	if f.output != outputText && f.output != outputJSON {
		return nil, usageError{fmt.Errorf("--output %q: text or json", f.output)}
	}
	c, err := config.Load(f.file, os.Environ())
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(c.Tenants, f.names) {
		return nil, usageError{errors.New("the configuration has no such tenant or service user: check --tenant and --account")}
	}
	if f.direct {
		users, err := app.ServiceUsers(c, f.tenant, f.account, newLog(cmd.ErrOrStderr(), config.LogText, c.Log.Level))
		return directSubscriptions{users}, err
	}
	o, err := newOperators(c.Listen, "start it, or go straight to Graph with --direct")
	return serviceSubscriptions{o, *f, cmd.ErrOrStderr()}, err
}

// names reports whether the flags choose a tenant, or somebody in it.
func (f *subscriptionsFlags) names(t config.Tenant) bool {
	return (f.tenant == "" || t.Name == f.tenant) && (f.account == "" ||
		slices.ContainsFunc(t.Accounts, func(a config.Account) bool {
			return strings.EqualFold(a.Username, f.account) || app.AccountKey(t.ID, a.Username) == f.account
		}))
}

func subscriptionsListCommand() *cobra.Command {
	var f subscriptionsFlags
	cmd := &cobra.Command{
		Use:   "list --config FILE",
		Short: "List the service users and what each has",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			source, err := f.source(cmd)
			if err != nil {
				return err
			}
			rows, err := source.list(cmd.Context())
			if len(rows) == 0 && err != nil {
				return err
			}
			return errors.Join(printSubscriptions(cmd.OutOrStdout(), f.output, rows), err)
		},
	}
	f.register(cmd)
	return cmd
}

func subscriptionsActCommand(action, short, long string) *cobra.Command {
	var f subscriptionsFlags
	cmd := &cobra.Command{
		Use:   action + " ID --config FILE",
		Short: short,
		Long:  long,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 || strings.TrimSpace(args[0]) == "" {
				return usageError{fmt.Errorf("%s takes the id of one subscription, got %d; see: presencebridge subscriptions list", cmd.CommandPath(), len(args))}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.direct && action == recreateSubscription {
				return usageError{errors.New("recreate cannot go straight to Graph: only the running service holds the key of a new subscription and answers Graph's validation of it; " +
					"ask the service without --direct, or use delete --direct and start the service, which makes what is missing")}
			}
			source, err := f.source(cmd)
			if err != nil {
				return err
			}
			answer, err := source.act(cmd.Context(), action, strings.ToLower(strings.TrimSpace(args[0])))
			if err != nil {
				return err
			}
			if f.direct && f.output == outputText {
				fmt.Fprintf(cmd.ErrOrStderr(), "presencebridge: %s\n", answer.Note)
			}
			if f.output == outputJSON {
				return printJSON(cmd.OutOrStdout(), answer)
			}
			return printSubscriptions(cmd.OutOrStdout(), f.output, []subscriptionRow{answer.Subscription})
		},
	}
	f.register(cmd)
	cmd.Flags().DurationVar(&f.wait, "wait", 2*time.Minute, "how long to wait for the service to have done it")
	return cmd
}
