// Command bench measures what the service does with a second of processor time,
// and how long a change takes, each beside its limit, all in one run. It is for
// scripts/bench; docs/performance.md explains the figures.
//
// The service runs in a process of its own, as it is, and only that process's
// time counts (getrusage). This process is everything else: the simulated
// tenant, the load, the consumer.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	if len(args) == 2 && args[0] == subject {
		return serve(ctx, args[1], in, out)
	}
	o := options{}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	output := flags.String("output", "text", "text or json")
	flags.IntVar(&o.rounds, "rounds", 3, "rounds of each measurement; the median counts")
	flags.DurationVar(&o.lasting, "for", 2*time.Second, "length of a round")
	flags.StringVar(&o.only, "only", "", "measure only with these settings, for example libcrypto/interval")
	flags.IntVar(&o.crowd, "crowd", 10_000, "connections of strangers that are opened for the overload")
	flags.StringVar(&o.match, "match", "", "measure only figures whose name has this part, for example plain_50")
	flags.StringVar(&o.profile, "cpuprofile", "", "write processor profiles of the service to files of this prefix")
	if err := flags.Parse(args); err != nil {
		return err
	}
	print, ok := printers[*output]
	if !ok || flags.NArg() > 0 || o.rounds < 1 || o.lasting <= 0 {
		return fmt.Errorf("usage: bench [--output text|json] [--rounds 3] [--for 2s] [--only RSA/SYNC] [--match NAME] [--crowd 10000] [--cpuprofile PREFIX]")
	}
	figures, err := measure(ctx, o)
	if err != nil {
		return err
	}
	return print(out, figures)
}
