package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"regexp"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/rules"
)

// bus is how to reach NATS, and under which name.
type bus struct {
	connect events.ConnectOptions
	name    string
}

func (b *bus) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&b.connect.URL, "nats", "nats://127.0.0.1:4222", "`URL` of NATS; several with commas between")
	f.StringVar(&b.connect.CredentialsFile, "nats-credentials", "", "`FILE` with NATS credentials")
	f.StringVar(&b.connect.CAFile, "nats-ca", "", "`FILE` with an extra trust root (PEM)")
	f.StringVar(&b.connect.CertFile, "nats-cert", "", "`FILE` with a client certificate (PEM)")
	f.StringVar(&b.connect.KeyFile, "nats-key", "", "`FILE` with its key (PEM)")
	f.StringVar(&b.name, "name", "acdadapter",
		"`NAME` of the consumer and of the bucket that keeps decisions; adapters with different rules need different names")
}

var busName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}$`)

func (b *bus) open(log *slog.Logger) (*nats.Conn, jetstream.JetStream, error) {
	if !busName.MatchString(b.name) || b.name == events.Bucket {
		return nil, nil, usageError{fmt.Errorf("--name %q is not 1 to 32 letters, digits, hyphens or underscores, or it is the bridge's", b.name)}
	}
	b.connect.Name, b.connect.Log = b.name, log
	nc, err := events.Connect(b.connect)
	if err != nil {
		return nil, nil, err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		nc.Close()
		return nil, nil, err
	}
	return nc, js, nil
}

// loadRules reads and checks the rules file.
func loadRules(file string) (*rules.Set, error) {
	if file == "" {
		return nil, usageError{errors.New("--rules FILE is missing; docs/adapter.md explains the file")}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read rules: %w", err)
	}
	return rules.Parse(file, text)
}
