package app

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/handlers"
	"jtel.de/presencebridge/internal/check"
	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/internal/graph/notification"
	"jtel.de/presencebridge/internal/vault"
)

// CheckOptions give a check what the service would use itself. Nothing is called
// yet. File is the path of the configuration, for texts.
func CheckOptions(c *config.Config, file string, l check.Language, log *slog.Logger) (check.Options, error) {
	roots, err := trustRoots(c.Graph.CAFile)
	if err != nil {
		return check.Options{}, err
	}
	o := check.Options{
		Config: c, File: file, Language: l, Roots: roots,
		Answer: func() (func() error, error) { return answerHandshakes(c, log) },
		NATS: events.ConnectOptions{
			URL: c.NATS.URL, CredentialsFile: c.NATS.CredentialsFile,
			CAFile: c.NATS.TLS.CAFile, CertFile: c.NATS.TLS.CertFile, KeyFile: c.NATS.TLS.KeyFile,
			Name: "presencebridge check", Log: log,
		},
	}
	if c.NATS.URL == "" {
		host, port, err := net.SplitHostPort(c.NATS.Embedded.Listen)
		if err != nil {
			return check.Options{}, fmt.Errorf("nats.embedded.listen: %w", err)
		}
		o.NATS = events.ConnectOptions{URL: "nats://" + net.JoinHostPort(cmp.Or(host, "127.0.0.1"), port), Name: o.NATS.Name, Log: log}
	}
	o.Stream = streamOptions(c)
	if c.NATS.Forward.URL != "" {
		o.Forward = centralServer(c.NATS.Forward, log)
		o.ForwardStream = events.StreamOptions{History: c.Events.History, Replicas: c.NATS.Forward.Replicas}
	}
	logins, loginsErr := (*vault.Logins)(nil), error(nil)
	if len(DeviceUsers(c, "", "")) > 0 {
		logins, loginsErr = shareLogins(context.Background(), c, log)
	}
	for _, t := range c.Tenants {
		var reach check.Tenant
		reach.App, reach.Graph, err = newConnection(c.Graph, func() config.Tenant { return t }, roots, log).app(log)
		if err != nil {
			return check.Options{}, fmt.Errorf("tenant %s: %w", t.Name, err)
		}
		if loginsErr == nil { // else every account that needs them says so
			reach.Expiry = ending(t, reach.Graph, logins, file).Read
		}
		for _, a := range t.Accounts {
			var account check.Account
			if a.SignIn == config.SignInDeviceCode {
				account.Again = LoginCommand(file, t.Name, a.Username)
			}
			users, err := ServiceUsers(c, t.Name, a.Username, log)
			if err != nil {
				account.Err = err
			} else {
				account.Credential, account.Graph = users[0].credential, users[0].client
			}
			reach.Accounts = append(reach.Accounts, account)
		}
		o.Tenants = append(o.Tenants, reach)
	}
	return o, nil
}

// errChecking puts off whatever is not a handshake: Graph sends it again.
var errChecking = errors.New("only handshakes are answered during a check")

// answerHandshakes stands in for a service that does not run: as the public side
// of the configuration it answers handshakes, and puts everything else off.
func answerHandshakes(c *config.Config, log *slog.Logger) (stop func() error, err error) {
	if c.TLS.Mode == config.TLSACME {
		return nil, check.ErrNeedsService
	}
	e := handlers.NewCallback(handlers.CallbackOptions{
		Open:   func(context.Context, []byte) (notification.Batch, error) { return notification.Batch{}, errChecking },
		Accept: func(context.Context, []graph.Reading) error { return errChecking },
		Ready:  func() bool { return false },
		Log:    slog.New(slog.DiscardHandler),
	})
	h := handlers.NewServer(e, nil, log)
	if c.TLS.Mode == config.TLSFiles {
		cert, err := newCertificate(c.TLS.CertFile, c.TLS.KeyFile, log)
		if err != nil {
			return nil, err
		}
		h.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: cert.get}
	}
	s, err := listenOn("callback", "listen.callback", c.Listen.Callback, h)
	if err != nil {
		return nil, err
	}
	done := make(chan error, 1)
	go func() { done <- s.serve() }()
	return func() error {
		ctx, cancel := context.WithTimeout(context.Background(), drain)
		defer cancel()
		return errors.Join(s.stop(ctx), <-done)
	}, nil
}
