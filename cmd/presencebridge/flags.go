package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"jtel.de/presencebridge/internal/app"
	"jtel.de/presencebridge/internal/config"
)

// commonFlags are those of commands that read the configuration and print.
type commonFlags struct{ file, output string }

func (f *commonFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&f.file, "config", "c", "", "configuration `FILE` (YAML)")
	cmd.Flags().StringVarP(&f.output, "output", "o", outputText, "`FORMAT`: text or json")
}

// load checks the flags and reads the configuration.
func (f *commonFlags) load(cmd *cobra.Command) (*config.Config, error) {
	if f.file == "" {
		return nil, usageError{fmt.Errorf("%s needs --config FILE; docs/configuration.md explains every key", cmd.CommandPath())}
	}
	if f.output != outputText && f.output != outputJSON {
		return nil, usageError{fmt.Errorf("--output %q: text or json", f.output)}
	}
	return config.Load(f.file, os.Environ())
}

// oneTenant is the one of this name, or the only one there is.
func oneTenant(c *config.Config, name string) (config.Tenant, error) {
	var names []string
	for _, t := range c.Tenants {
		if t.Name == name || name == "" && len(c.Tenants) == 1 {
			return t, nil
		}
		names = append(names, t.Name)
	}
	if name == "" {
		return config.Tenant{}, usageError{fmt.Errorf("there are several tenants: name one with --tenant, of %s", strings.Join(names, ", "))}
	}
	return config.Tenant{}, usageError{fmt.Errorf("the configuration has no tenant %q, only %s", name, strings.Join(names, ", "))}
}

// oneAccount is the service user of this name or account key, or the only one.
func oneAccount(t config.Tenant, name string) (config.Account, error) {
	var names []string
	for _, a := range t.Accounts {
		if strings.EqualFold(a.Username, name) || name != "" && app.AccountKey(t.ID, a.Username) == name || name == "" && len(t.Accounts) == 1 {
			return a, nil
		}
		names = append(names, a.Username)
	}
	switch {
	case len(names) == 0:
		return config.Account{}, usageError{fmt.Errorf("tenant %s has no service users", t.Name)}
	case name == "":
		return config.Account{}, usageError{fmt.Errorf("tenant %s has several service users: name one with --account, of %s", t.Name, strings.Join(names, ", "))}
	}
	return config.Account{}, usageError{fmt.Errorf("tenant %s has no service user %q, only %s", t.Name, name, strings.Join(names, ", "))}
}

// complete lets the shell offer values: of --output, configuration files, and
// for each command nothing else, since files are no arguments of ours.
func complete(cmd *cobra.Command) {
	for name, values := range map[string][]string{
		"output": {outputText, outputJSON},
		"lang":   languages(),
	} {
		if cmd.Flags().Lookup(name) != nil {
			// It fails only when it is registered twice.
			_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
		}
	}
	if cmd.Flags().Lookup("config") != nil {
		_ = cmd.MarkFlagFilename("config", "yaml", "yml")
	}
	if cmd.ValidArgsFunction == nil && len(cmd.ValidArgs) == 0 {
		cmd.ValidArgsFunction = cobra.NoFileCompletions
	}
	for _, sub := range cmd.Commands() {
		complete(sub)
	}
}
