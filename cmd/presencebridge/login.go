package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"jtel.de/presencebridge/internal/app"
	"jtel.de/presencebridge/internal/config"
)

func loginCommand() *cobra.Command {
	var file, tenant, account string
	cmd := &cobra.Command{
		Use:   "login --config FILE --tenant NAME --account UPN",
		Short: "Sign a service user in with a browser, so that no password is stored",
		Long: "Sign a service user with \"sign_in: device_code\" in: open the page that is shown in any browser,\n" +
			"enter the code and sign in as the service user, with MFA or whatever the tenant demands. What\n" +
			"Entra ID gives for it is kept sealed in data_dir; a running service takes it up within seconds.\n" +
			"Run it where the service runs. It lasts as long as the service uses it at least every 90 days.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" {
				return usageError{errors.New("login needs --config FILE; docs/configuration.md explains every key")}
			}
			c, err := config.Load(file, os.Environ())
			if err != nil {
				return err
			}
			users := app.DeviceUsers(c, tenant, account)
			switch len(users) {
			case 0:
				return usageError{errors.New("the configuration has no such service user with \"sign_in: device_code\": check --tenant and --account, and give it sign_in instead of its password")}
			case 1:
			default:
				return usageError{fmt.Errorf("%d service users sign in by device code: name one with --tenant and --account", len(users))}
			}
			out := cmd.OutOrStdout()
			err = app.Login(cmd.Context(), c, users[0], newLog(cmd.ErrOrStderr(), config.LogText, c.Log.Level), func(p app.Prompt) {
				fmt.Fprintf(out, "Open %s in a private window of any browser, enter the code %s\nand sign in as %s. The code is good until %s.\n",
					p.Address, p.Code, users[0].Username, p.Ends.Local().Format(time.TimeOnly))
			})
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(out, "%s of tenant %s is signed in; a running service takes it up within seconds\n", users[0].Username, users[0].Tenant)
			return err
		},
	}
	cmd.Flags().StringVarP(&file, "config", "c", "", "configuration `FILE` (YAML)")
	cmd.Flags().StringVar(&tenant, "tenant", "", "`NAME` of the tenant; may be left out if one service user is meant in any case")
	cmd.Flags().StringVar(&account, "account", "", "user principal name (`UPN`) of the service user")
	return cmd
}
