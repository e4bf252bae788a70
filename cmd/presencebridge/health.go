package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func healthCommand() *cobra.Command {
	var address string
	var ready bool
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Ask a running service on this machine whether it is well",
		Long: "Ask a running service whether it is alive, or with --ready whether it takes notifications.\n" +
			"Meant for health checks of containers, where there is no other HTTP client.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path := "/healthz"
			if ready {
				path = "/readyz"
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), 4*time.Second)
			defer cancel()
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
			if err != nil {
				return usageError{fmt.Errorf("--admin %q: want host:port", address)}
			}
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				return fmt.Errorf("%w; is the service running, and is listen.admin %s?", err, address)
			}
			defer res.Body.Close()
			body, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
			if err != nil {
				return fmt.Errorf("read the answer of %s: %w", address, err)
			}
			if res.StatusCode != http.StatusOK {
				return fmt.Errorf("%s answered %s: %s", path, res.Status, strings.TrimSpace(string(body)))
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), strings.TrimSpace(string(body)))
			return err
		},
	}
	cmd.Flags().StringVar(&address, "admin", "127.0.0.1:9090", "the service's listen.admin, `HOST:PORT`")
	cmd.Flags().BoolVar(&ready, "ready", false, "ask whether it takes notifications, instead of whether it is alive")
	return cmd
}
