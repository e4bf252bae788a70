package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"jtel.de/presencebridge/internal/app"
	"jtel.de/presencebridge/internal/config"
)

func tokenCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Sign in as the service does and show what the token says",
		Long: "Sign in as the app or as a service user, the way that the service does, and show the claims of\n" +
			"the token that Entra ID issues: who it is for, what it permits, when it ends.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usageError{fmt.Errorf("token needs app or user; try: %s --help", cmd.CommandPath())}
		},
	}
	cmd.AddCommand(tokenOfCommand("app", "Sign the app itself in and show what its token says"),
		tokenOfCommand("user", "Sign a service user in and show what its token says"))
	return cmd
}

func tokenOfCommand(whose, short string) *cobra.Command {
	var f commonFlags
	var tenant, account string
	var raw bool
	cmd := &cobra.Command{
		Use:   whose + " --config FILE",
		Short: short,
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := f.load(cmd)
			if err != nil {
				return err
			}
			t, err := oneTenant(c, tenant)
			if err != nil {
				return err
			}
			log := newLog(cmd.ErrOrStderr(), config.LogText, c.Log.Level)
			var token app.Token
			if whose == "app" {
				token, err = app.AppToken(cmd.Context(), c, t, log)
			} else {
				var a config.Account
				if a, err = oneAccount(t, account); err == nil {
					token, err = app.UserToken(cmd.Context(), c, t, a, log)
				}
			}
			if errors.Is(err, cmd.Context().Err()) && err != nil {
				return errors.New("interrupted")
			}
			if err != nil {
				return err
			}
			return printToken(cmd.OutOrStdout(), f.output, token, raw)
		},
	}
	f.register(cmd)
	cmd.Flags().StringVar(&tenant, "tenant", "", "`NAME` of the tenant; may be left out if there is one")
	if whose == "user" {
		cmd.Flags().StringVar(&account, "account", "", "`NAME` or account key of the service user; may be left out if there is one")
	}
	cmd.Flags().BoolVar(&raw, "raw", false, "print the token itself and nothing else: whoever sees it can use it until it ends")
	return cmd
}

// claimMeanings say in plain words what the claims are that one asks for.
// Source: Entra ID, "access token claims reference".
var claimMeanings = map[string]string{
	"aud": "who is to accept it", "iss": "who issued it", "tid": "tenant", "appid": "client id", "azp": "client id", "app_displayname": "name of the app",
	"idtyp": "app or user", "oid": "object id of who signed in", "upn": "who signed in", "unique_name": "who signed in", "name": "display name",
	"scp": "delegated permissions", "roles": "application permissions", "iat": "issued", "nbf": "good from", "exp": "good until", "ver": "version of the token",
	"xms_cc": "what the client can do", "amr": "how it was signed in",
}

func printToken(out io.Writer, output string, t app.Token, raw bool) error {
	if raw {
		text, err := t.Raw.Read()
		if err == nil {
			_, err = fmt.Fprintln(out, text)
		}
		return err
	}
	if output == outputJSON {
		return printJSON(out, struct {
			Tenant    string         `json:"tenant"`
			Account   string         `json:"account,omitempty"`
			ExpiresAt time.Time      `json:"expiresAt"`
			Claims    map[string]any `json:"claims"`
		}{t.Tenant, t.Account, t.ExpiresAt.UTC(), t.Claims})
	}
	claims := table{head: []string{"CLAIM", "MEANS", "VALUE"}, whole: true}
	for _, name := range slices.Sorted(maps.Keys(t.Claims)) {
		claims.rows = append(claims.rows, []string{name, claimMeanings[name], claimText(name, t.Claims[name])})
	}
	return claims.print(out)
}

// claimText is a value in one line; times as people read them.
func claimText(name string, value any) string {
	if seconds, ok := value.(float64); ok {
		if slices.Contains([]string{"exp", "iat", "nbf", "auth_time"}, name) {
			return time.Unix(int64(seconds), 0).UTC().Format(time.RFC3339)
		}
		return fmt.Sprintf("%.0f", seconds)
	}
	if list, ok := value.([]any); ok {
		var texts []string
		for _, v := range list {
			texts = append(texts, fmt.Sprint(v))
		}
		return strings.Join(texts, " ")
	}
	return fmt.Sprint(value)
}
