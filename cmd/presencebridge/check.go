package main

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"jtel.de/presencebridge/internal/app"
	"jtel.de/presencebridge/internal/check"
	"jtel.de/presencebridge/internal/config"
)

func checkCommand() *cobra.Command {
	var f commonFlags
	var lang string
	cmd := &cobra.Command{
		Use:   "check --config FILE",
		Short: "Try every step of the set-up guide and say what to do",
		Long: "Try every step of the set-up guide (docs/setup.en.md) against the real tenant: files, Microsoft,\n" +
			"NATS, the public address, the app, its permissions, the people, and each service user. For each\n" +
			"step it says what was tried, what was said, what that means and what to do.\n\n" +
			"It may run beside a running service and leaves its subscriptions alone. It changes nothing but for\n" +
			"a subscription on trial, made and deleted at once, for service users that have none while no service\n" +
			"runs. The exit code is 1 if anything failed.",
		Example: "  presencebridge check --config /etc/presencebridge/presencebridge.yaml\n" +
			"  presencebridge check --config presencebridge.yaml --lang de",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l := check.Language(lang)
			switch {
			case f.file == "":
				return usageError{fmt.Errorf("check needs --config FILE; docs/configuration.md explains every key")}
			case !l.Known():
				return usageError{fmt.Errorf("--lang %q: en, de or fr", lang)}
			case f.output != outputText && f.output != outputJSON:
				return usageError{fmt.Errorf("--output %q: text or json", f.output)}
			}
			p := newCheckPrinter(cmd.OutOrStdout(), l, f.output)
			c, err := config.Load(f.file, os.Environ())
			if err != nil {
				for _, finding := range check.Mistakes(l, f.file, err) {
					p.tell(finding)
				}
				return p.end()
			}
			// What libraries log is in the findings already.
			o, err := app.CheckOptions(c, f.file, l, slog.New(slog.DiscardHandler))
			if err != nil {
				return err
			}
			o.Begin = p.begin
			check.Run(cmd.Context(), o, p.tell)
			if cmd.Context().Err() != nil {
				p.clear()
				return errors.New(l.Text("print.interrupted"))
			}
			return p.end()
		},
	}
	f.register(cmd)
	cmd.Flags().StringVar(&lang, "lang", string(languageOf(os.Getenv)), "`LANGUAGE` of the findings: en, de or fr")
	return cmd
}

// languageOf is that of the environment, if we speak it.
func languageOf(env func(string) string) check.Language {
	locale := cmp.Or(env("LC_ALL"), env("LC_MESSAGES"), env("LANG"))
	name, _, _ := strings.Cut(strings.ToLower(locale), "_")
	if l := check.Language(name); l.Known() {
		return l
	}
	return check.English
}

// languages are the values of --lang.
func languages() (names []string) {
	for _, l := range check.Languages() {
		names = append(names, string(l))
	}
	return names
}
