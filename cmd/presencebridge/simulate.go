package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"jtel.de/presencebridge/internal/demo"
	"jtel.de/presencebridge/internal/graphsim"
)

func simulateCommand() *cobra.Command {
	var graphAddr, controlAddr, dir string
	var listen demo.Addresses
	var o graphsim.Options
	var rate float64
	var calm bool
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Run the simulated Microsoft tenant as a process of its own",
		Long: "Run the simulated Entra ID and Graph, with a control API, until Ctrl-C, and write a folder\n" +
			"with which the service runs against it. docs/simulator.md explains the control API and the faults.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			switch {
			case o.People < 1:
				return usageError{fmt.Errorf("--people %d: at least 1", o.People)}
			case rate < 0 || rate > 1000:
				return usageError{fmt.Errorf("--rate %g: 0 to 1000 changes a second are possible", rate)}
			case o.Speed < 1 || o.Speed > 1000:
				return usageError{fmt.Errorf("--speed %g: 1 (real time) to 1000 are possible", o.Speed)}
			}
			if dir == "" {
				if dir, err = os.MkdirTemp("", "presencebridge-simulated-"); err != nil {
					return fmt.Errorf("make a folder for the configuration: %w", err)
				}
				defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
			}
			site, err := demo.NewSite(dir)
			if err != nil {
				return err
			}
			if o.Roots = site.Roots; !calm {
				o.Faults = graphsim.DefaultFaults()
			}
			o.Log = slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelInfo}))
			sim := graphsim.New(o)
			if err := sim.StartAt(graphAddr, controlAddr); err != nil {
				return fmt.Errorf("%w; choose other addresses with --listen and --control", err)
			}
			defer sim.Close()
			if o.Empty {
				return empty(cmd, sim, site, dir, listen.Callback, rate)
			}
			file, err := site.Write(sim, listen)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "graph    %s\ncontrol  %s\nseed     %d\n\nrun the service against it:\n  presencebridge serve --config %s\n",
				sim.GraphURL(), sim.ControlURL(), sim.Seed(), file)
			return live(cmd.Context(), sim, rate)
		},
	}
	f := cmd.Flags()
	f.StringVar(&graphAddr, "listen", "127.0.0.1:9443", "`HOST:PORT` of Entra ID and Graph, https")
	f.StringVar(&controlAddr, "control", "127.0.0.1:9444", "`HOST:PORT` of the control API, loopback only")
	f.StringVar(&dir, "dir", "", "`FOLDER` for the service's configuration, secrets and data (default: a temporary one)")
	f.StringVar(&listen.Callback, "callback", "127.0.0.1:8443", "`HOST:PORT` that the service will listen on for Graph")
	f.StringVar(&listen.Admin, "admin", "127.0.0.1:9090", "`HOST:PORT` of the service's operators' side")
	f.StringVar(&listen.NATS, "nats", "127.0.0.1:4222", "`HOST:PORT` of the service's embedded NATS")
	f.IntVar(&o.People, "people", 24, "how many people the tenant has")
	f.Float64Var(&rate, "rate", 1, "changes per second, all people together; 0: only what the control API changes")
	f.Float64Var(&o.Speed, "speed", 1, "how much faster lifetimes and retries go than in reality")
	f.Uint64Var(&o.Seed, "seed", 0, "repeat an earlier tenant (default: a new one)")
	f.BoolVar(&o.Empty, "empty", false, "without app registration and service users, with admin@contoso.com: to try setup")
	f.BoolVar(&calm, "calm", false, "without the faults that are on by default")
	return cmd
}

// empty runs a tenant in which nothing is set up.
func empty(cmd *cobra.Command, sim *graphsim.Simulator, site *demo.Site, dir, callback string, rate float64) error {
	ca, err := site.WriteEmpty(sim)
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "graph    %s\ncontrol  %s\nseed     %d\n\nset it up, in a second terminal:\n"+
		"  presencebridge setup --authority %s --graph-url %s --ca-file %s \\\n    --config %s --public-url https://%s --all \\\n    --tls-cert %s --tls-key %s --data-dir %s\n\n"+
		"and sign in as the administrator, with the code that it shows:\n"+
		"  curl -H 'Content-Type: application/json' -d '{\"username\":\"%s\"}' %s/devices/CODE/approve\n",
		sim.GraphURL(), sim.ControlURL(), sim.Seed(), sim.AuthorityURL(), sim.GraphURL(), ca,
		filepath.Join(dir, "presencebridge.yaml"), callback, filepath.Join(dir, "callback.pem"), filepath.Join(dir, "callback-key.pem"), filepath.Join(dir, "data"),
		sim.Tenant().Administrators[0].Username, sim.ControlURL())
	return live(cmd.Context(), sim, rate)
}

// live lets the people live until ctx ends.
func live(ctx context.Context, sim *graphsim.Simulator, rate float64) error {
	if rate > 0 {
		sim.Life(ctx, rate, func(graphsim.Change) {})
	}
	<-ctx.Done()
	return nil
}
