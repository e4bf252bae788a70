package check

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"jtel.de/presencebridge/internal/graph/signin"
)

// How far the clock may be from Microsoft's: tokens are refused at five minutes.
const (
	skewWarning = time.Minute
	skewMost    = 5 * time.Minute
)

// network asks whether Microsoft is reached from here, and what time it is there.
func (c *checker) network(ctx context.Context) {
	s := c.subject("group.network")
	client := signin.NewHTTP(c.Roots)
	defer client.CloseIdleConnections()
	var skew time.Duration
	measured := false
	for _, host := range []struct{ id, address string }{
		{"network.authority", c.Config.Graph.Authority}, {"network.graph", c.Config.Graph.BaseURL},
	} {
		name := hostOf(host.address)
		c.take(ctx, s, step{id: host.id, title: []any{name}, tried: []any{host.address}, anchor: "firewall", do: func(ctx context.Context) outcome {
			off, told, err := c.ask(ctx, client, host.address)
			if err != nil {
				return unreachable(err, name)
			}
			if told {
				skew, measured = off, true
			}
			return fine()
		}})
	}
	c.take(ctx, s, step{id: "network.clock", anchor: "machine", do: func(context.Context) outcome {
		off := max(skew, -skew).Round(time.Second)
		switch {
		case !measured:
			return open("network.no-date")
		case off >= skewMost:
			return fail("network.clock-wrong", off)
		case off >= skewWarning:
			return warn("network.clock-wrong", off)
		}
		return fine()
	}})
}

// ask sends a request without credentials; any answer will do. It tells how far
// the clock there is ahead of ours, as far as the header's seconds show.
func (c *checker) ask(ctx context.Context, client *http.Client, address string) (skew time.Duration, told bool, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/", nil)
	if err != nil {
		return 0, false, err
	}
	sent := c.now()
	res, err := client.Do(r)
	if err != nil {
		return 0, false, err
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10))
	there, err := http.ParseTime(res.Header.Get("Date"))
	if err != nil {
		return 0, false, nil
	}
	there = there.Add(500 * time.Millisecond) // the header tells whole seconds
	return there.Sub(sent.Add(c.now().Sub(sent) / 2)), true, nil
}

// unreachable says why a host does not answer.
func unreachable(err error, host string) outcome {
	said := cause(err)
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return fail("network.dns", host).saying(said).at("firewall")
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return fail("network.tls", host).saying(said).at("firewall")
	}
	return fail("network.closed", host).saying(said).at("firewall")
}

// cause is an error of net/http without method and address.
func cause(err error) string {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return err.Error()
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return u.Host
}
