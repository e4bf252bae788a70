package events

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// ConnectOptions say how to reach NATS. Either URL or InProcess must be set.
type ConnectOptions struct {
	URL             string // one or several, separated by commas
	CredentialsFile string
	// CAFile is an extra trust root; CertFile and KeyFile identify us to the server.
	CAFile, CertFile, KeyFile string
	Name                      string // shown in the server's connection list
	InProcess                 nats.InProcessConnProvider
	Log                       *slog.Logger // nil means slog.Default()
	// Once makes one attempt and gives up with its error, for those who only
	// want to know whether it works.
	Once bool
}

// Connect gives a connection that never gives up: the server may be away now
// and at any later time. While it is away publishing fails at once instead of
// being buffered, since nobody could be told that a buffered message was lost.
// Only options that can never work are an error. The caller closes it.
func Connect(o ConnectOptions) (*nats.Conn, error) {
	log := o.Log
	if log == nil {
		log = slog.Default()
	}
	options := []nats.Option{
		nats.Name(o.Name),
		nats.RetryOnFailedConnect(true),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(250 * time.Millisecond),
		nats.ReconnectJitter(250*time.Millisecond, 250*time.Millisecond),
		nats.ReconnectBufSize(-1),
		nats.Timeout(5 * time.Second),
		// A dead peer is noticed within half a minute, not within four.
		nats.PingInterval(10 * time.Second),
		nats.MaxPingsOutstanding(2),
	}
	if o.Once {
		options = append(options, nats.RetryOnFailedConnect(false), nats.NoReconnect())
	}
	options = append(options, logTo(log, o.InProcess != nil)...)
	if o.CredentialsFile != "" {
		options = append(options, nats.UserCredentials(o.CredentialsFile))
	}
	if o.CAFile != "" {
		options = append(options, nats.RootCAs(o.CAFile))
	}
	if (o.CertFile == "") != (o.KeyFile == "") {
		return nil, errors.New("connect to NATS: a client certificate needs both its file and its key file")
	}
	if o.CertFile != "" {
		options = append(options, nats.ClientCert(o.CertFile, o.KeyFile))
	}
	switch {
	case o.InProcess != nil:
		options = append(options, nats.InProcessServer(o.InProcess))
	case o.URL == "":
		return nil, errors.New("connect to NATS: no URL")
	}
	for one := range strings.SplitSeq(o.URL, ",") {
		// The parser's own error would repeat the password that a URL may hold.
		if _, err := url.Parse(strings.TrimSpace(one)); err != nil {
			return nil, errors.New("connect to NATS: the URL cannot be read; it looks like nats://host:4222")
		}
	}
	nc, err := nats.Connect(o.URL, options...)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS: %w", err)
	}
	return nc, nil
}

// logTo reports what happens to the connection.
func logTo(log *slog.Logger, inProcess bool) []nats.Option {
	server := func(nc *nats.Conn) string {
		if inProcess {
			return "embedded" // it has no address of the connection's own
		}
		return nc.ConnectedUrlRedacted()
	}
	return []nats.Option{
		nats.ConnectHandler(func(nc *nats.Conn) {
			log.Info("nats connected", "server", server(nc))
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			log.Info("nats connected again", "server", server(nc))
		}),
		nats.DisconnectErrHandler(func(nc *nats.Conn, err error) {
			if err != nil { // nil when we closed it ourselves
				log.Warn("nats connection lost", "error", err)
			}
		}),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) {
			log.Debug("nats not reachable", "error", err)
		}),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			attrs := []any{"error", err}
			if sub != nil {
				attrs = append(attrs, "subject", sub.Subject)
			}
			log.Warn("nats error", attrs...)
		}),
	}
}
