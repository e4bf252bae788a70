package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"jtel.de/presencebridge/internal/app"
	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/setup"
)

func setupCommand() *cobra.Command {
	var f factsFlags
	var o app.SetupOptions
	var output string
	var months int
	cmd := &cobra.Command{
		Use:   "setup --public-url URL --tls-cert FILE --tls-key FILE --group GROUP",
		Short: "Do what the set-up guide says: an administrator signs in once, the rest is done",
		Long: "Do what the set-up guide (docs/setup.en.md) explains: an administrator signs in with a browser, by\n" +
			"a code that is shown; then the app is registered, permissions and consent are granted, the\n" +
			"service users and the client secret (or certificate) are made, and the configuration is written.\n" +
			"Nothing is kept of the administrator's sign-in.\n\n" +
			"It can be repeated: it finds what exists and changes only what differs. --dry-run only looks.\n" +
			"Secrets and passwords go into files of mode 0600 and are never shown.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case output != outputText && output != outputJSON:
				return usageError{fmt.Errorf("--output %q: text or json", output)}
			case o.Accounts < 0 || o.Accounts > 99:
				return usageError{fmt.Errorf("--accounts %d: 1 to 99, or leave it out to count who is watched", o.Accounts)}
			case months < 1 || months > 24:
				return usageError{fmt.Errorf("--months %d: 1 to 24 are possible", months)}
			}
			if err := f.checkTLS(); err != nil {
				return err
			}
			if list := f.missing(); len(list) > 0 {
				return missingFlags("setup", list)
			}
			file, err := filepath.Abs(f.file)
			if err != nil {
				return err
			}
			o.Facts, o.TenantID, o.Options.ClientID = f.facts, f.facts.TenantID, f.facts.ClientID
			o.Files, o.ProofLife = setup.Files{Config: file}, time.Until(time.Now().AddDate(0, months, 0))
			if err := f.acceptable(file); err != nil {
				return err
			}
			return runSetup(cmd, o, output)
		},
	}
	f.register(cmd)
	s := cmd.Flags()
	s.Lookup("tenant-id").Usage = "directory (tenant) `ID` or domain to sign in to (default: that of who signs in)"
	s.Lookup("client-id").Usage = "application (client) `ID` of an app that exists (default: the one of --name, or a new one)"
	s.StringVar(&o.Name, "name", "Presence Bridge", "`NAME` of the app registration")
	s.IntVar(&o.Accounts, "accounts", 0, "how many service users there shall be (default: one for each 650 people who are watched, and a spare; none with --poll)")
	s.StringVar(&o.Prefix, "prefix", "svc-presence", "how the names of service users begin")
	s.StringVar(&o.Domain, "domain", "", "`DOMAIN` of their names (default: the tenant's own)")
	s.BoolVar(&o.DeviceCode, "device-code", false, "service users sign in by device code (see: presencebridge login), no password is stored for the service")
	s.BoolVar(&o.Certificate, "certificate", false, "the app proves itself with a certificate instead of a secret")
	s.IntVar(&months, "months", 12, "how long secret or certificate last")
	s.StringArrayVar(&o.Owners, "owner", nil, "make this `PERSON` an owner of the app, besides the administrator; may be repeated")
	s.BoolVar(&o.ServiceOwners, "service-owners", true, "make the service users owners of the app, too")
	s.BoolVar(&o.ResetPasswords, "reset-passwords", false, "set new passwords for service users whose password is not in its file")
	s.BoolVar(&o.Force, "force", false, "overwrite a configuration that is there and differs")
	s.BoolVar(&o.DryRun, "dry-run", false, "only say what would be done")
	s.StringVar(&o.ClientID, "sign-in-client", "", "`ID` of another public client for the administrator's sign-in (default: Microsoft Graph Command Line Tools)")
	s.StringVarP(&output, "output", "o", outputText, "`FORMAT`: text or json")
	return cmd
}

// runSetup shows each step as it is done, and the table of facts at the end.
func runSetup(cmd *cobra.Command, o app.SetupOptions, output string) error {
	steps := cmd.OutOrStdout()
	if output == outputJSON {
		steps = cmd.ErrOrStderr() // the facts alone are for programs
	}
	o.Log = newLog(cmd.ErrOrStderr(), config.LogText, nil)
	o.Show = func(p app.Prompt) {
		fmt.Fprintf(cmd.ErrOrStderr(), "Open %s in a browser, enter the code %s\nand sign in as an administrator. The code is good until %s.\n", p.Address, p.Code, p.Ends.Local().Format(time.TimeOnly))
	}
	o.Say = func(l setup.Line) { fmt.Fprintf(steps, "%-3s %s\n", l.Mark, l.Text) }
	facts, err := app.Setup(cmd.Context(), o)
	if err != nil && !errors.Is(err, setup.ErrIncomplete) || o.DryRun && output == outputText {
		if o.DryRun && err == nil {
			fmt.Fprintln(steps, "\nnothing was changed; without --dry-run the lines marked > are done")
		}
		return err
	}
	if output == outputJSON {
		return errors.Join(printJSON(cmd.OutOrStdout(), factRows(facts)), err)
	}
	return errors.Join(printFacts(cmd.OutOrStdout(), facts, o.Files.Config), err)
}

// printFacts prints the table, and what comes next.
func printFacts(out io.Writer, facts setup.Facts, file string) error {
	fmt.Fprintln(out)
	t := table{head: []string{"FACT", "KEY", "VALUE"}, whole: true}
	for _, r := range factRows(facts) {
		t.rows = append(t.rows, []string{r.Fact, r.Key, r.Value})
	}
	if err := t.print(out); err != nil {
		return err
	}
	fmt.Fprintln(out, "\nnext:")
	for _, a := range facts.Accounts {
		if a.PasswordFile == "" {
			fmt.Fprintf(out, "  %s\n", app.LoginCommand(file, facts.Tenant, a.Username))
		}
	}
	_, err := fmt.Fprintf(out, "  presencebridge check --config %s\n  presencebridge serve --config %s\n", file, file)
	return err
}
