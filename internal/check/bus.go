package check

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"jtel.de/presencebridge/events"
)

// bus looks at NATS: the server that the configuration names, or the embedded
// one, and the central server if there is one.
func (c *checker) bus(ctx context.Context) {
	s := c.subject("group.nats")
	if c.Config.NATS.URL != "" || c.healthy(ctx) {
		c.server(ctx, s, "nats", c.NATS, func(ctx context.Context, js jetstream.JetStream) outcome { return c.streams(ctx, js) })
	} else {
		c.take(ctx, s, step{id: "nats.embedded", title: []any{c.Config.NATS.Embedded.Listen}, anchor: "machine", do: func(context.Context) outcome {
			return free(c.Config.NATS.Embedded.Listen)
		}})
	}
	if c.Forward.URL != "" {
		c.server(ctx, c.subject("group.forward"), "forward", c.Forward, func(ctx context.Context, js jetstream.JetStream) outcome { return c.central(ctx, js) })
	}
}

// server looks at one server. The name is what its steps begin with.
func (c *checker) server(ctx context.Context, s *subject, name string, o events.ConnectOptions, streams func(context.Context, jetstream.JetStream) outcome) {
	var conn *nats.Conn
	var js jetstream.JetStream
	take := func(texts string, do func(context.Context) outcome) {
		c.take(ctx, s, step{
			id: name + strings.TrimPrefix(texts, "nats"), texts: texts, title: []any{o.URL}, tried: []any{o.URL}, anchor: "machine",
			needs: []string{name + ".connect", name + ".version", name + ".jetstream"}, do: do,
		})
	}
	take("nats.connect", func(context.Context) outcome {
		o.Once, o.Log = true, slog.New(slog.DiscardHandler)
		var err error
		if conn, err = events.Connect(o); err != nil {
			return notConnected(err)
		}
		if js, err = jetstream.New(conn); err != nil {
			return fail("nats.connect-failed").saying(err.Error())
		}
		return fine()
	})
	if conn != nil {
		defer conn.Close()
	}
	take("nats.version", func(context.Context) outcome { return version(conn.ConnectedServerVersion()) })
	take("nats.jetstream", func(ctx context.Context) outcome { return jetStream(ctx, js) })
	take("nats.rights", func(ctx context.Context) outcome { return rights(ctx, conn) })
	take("nats.streams", func(ctx context.Context) outcome { return streams(ctx, js) })
}

// free: the embedded server will be able to listen.
func free(address string) outcome {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return fail("nats.taken", address).saying(err.Error())
	}
	_ = l.Close() // it was only to see
	host, _, err := net.SplitHostPort(address)
	if ip, parseErr := netip.ParseAddr(host); err == nil && host != "localhost" && (parseErr != nil || !ip.IsLoopback()) {
		return warn("nats.exposed", address)
	}
	return fine()
}

func notConnected(err error) outcome {
	text := err.Error()
	switch {
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked),
		strings.Contains(strings.ToLower(text), "authorization"), strings.Contains(strings.ToLower(text), "authentication"):
		return fail("nats.credentials").saying(text)
	case strings.Contains(text, "tls:"), strings.Contains(text, "x509:"), errors.Is(err, nats.ErrSecureConnWanted), errors.Is(err, nats.ErrSecureConnRequired):
		return fail("nats.tls").saying(text)
	}
	return fail("nats.connect-failed").saying(text)
}

// oldest server that has what the streams need.
const oldestMajor, oldestMinor = 2, 11

func version(text string) outcome {
	parts := strings.SplitN(strings.TrimPrefix(text, "v"), ".", 3)
	if len(parts) < 2 {
		return open("nats.version-unknown", text)
	}
	major, errMajor := strconv.Atoi(parts[0])
	minor, errMinor := strconv.Atoi(parts[1])
	switch {
	case errMajor != nil || errMinor != nil:
		return open("nats.version-unknown", text)
	case major < oldestMajor || major == oldestMajor && minor < oldestMinor:
		return fail("nats.version-old", text)
	}
	o := fine()
	o.note = text
	return o
}

// jetStream asks for the account; without the right to, nobody answers.
func jetStream(ctx context.Context, js jetstream.JetStream) outcome {
	ctx, cancel := untilDenied(ctx, js.Conn())
	defer cancel()
	info, err := js.AccountInfo(ctx)
	switch {
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount), errors.Is(err, nats.ErrNoResponders):
		return fail("nats.no-jetstream").saying(err.Error())
	case err != nil:
		return fail("nats.denied", "$JS.API.>").saying(err.Error())
	case info.Limits.MaxStore == 0:
		return fail("nats.no-storage")
	}
	return fine()
}

// rights tries what the service does, in ways that store and change nothing.
func rights(ctx context.Context, conn *nats.Conn) outcome {
	// Expecting a stream that is not there, JetStream refuses to store. Whoever
	// listens without JetStream gets an empty message of no person.
	for _, kind := range []string{"user", "directory", "coverage"} {
		m := nats.NewMsg("presence.v1." + kind + ".check.check")
		m.Header.Set(jetstream.ExpectedStreamHeader, events.Stream+"_CHECK")
		if err := allowed(ctx, conn, m); err != nil {
			return fail("nats.denied", "presence.v1.>").saying(err.Error())
		}
	}
	// A name that is not that of the subject: the server refuses it, if it listens at all.
	m := nats.NewMsg("$JS.API.STREAM.CREATE." + events.Stream)
	m.Data = []byte(`{"name":"` + events.Stream + `_CHECK"}`)
	if err := allowed(ctx, conn, m); err != nil {
		return fail("nats.denied", "$JS.API.>").saying(err.Error())
	}
	return answers(ctx, conn)
}

// answers asks and answers a question of its own, as the service does those of
// others. The connection, and with it every subscription, ends soon.
func answers(ctx context.Context, conn *nats.Conn) outcome {
	ctx, cancel := untilDenied(ctx, conn)
	defer cancel()
	var subs []*nats.Subscription
	inbox := conn.NewRespInbox()
	for _, subject := range []string{inbox, "presence.v1.api.check", "$SRV.PING.presence.check"} {
		sub, err := conn.SubscribeSync(subject)
		if err == nil {
			err = conn.FlushWithContext(ctx)
		}
		if err = cmp.Or(denied(conn), err); err != nil {
			return fail("nats.not-subscribed", subject).saying(err.Error())
		}
		subs = append(subs, sub)
	}
	err := conn.PublishRequest("presence.v1.api.check", inbox, nil)
	var question *nats.Msg
	if err == nil {
		question, err = subs[1].NextMsgWithContext(ctx)
	}
	if err == nil {
		err = question.Respond(nil)
	}
	if err == nil {
		_, err = subs[0].NextMsgWithContext(ctx)
	}
	if err = cmp.Or(denied(conn), err); err != nil {
		return fail("nats.no-answers").saying(err.Error())
	}
	return fine()
}

// allowed sends a request. That somebody answers, or that the server says that
// nobody does, shows that it may be sent.
func allowed(ctx context.Context, conn *nats.Conn, m *nats.Msg) error {
	ctx, cancel := untilDenied(ctx, conn)
	defer cancel()
	_, err := conn.RequestMsgWithContext(ctx, m)
	if refused := denied(conn); refused != nil {
		return refused
	}
	if err == nil || errors.Is(err, nats.ErrNoResponders) {
		return nil
	}
	return fmt.Errorf("no answer on %s: %w", m.Subject, err)
}

// untilDenied ends when the server says that a subject is not allowed, which is
// no answer to the request: that would be waited for in vain.
func untilDenied(ctx context.Context, conn *nats.Conn) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	conn.SetErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
		if errors.Is(err, nats.ErrPermissionViolation) {
			cancel()
		}
	})
	return ctx, cancel
}

// denied is the server's word that a subject is not allowed. It answers no request,
// but is there when the next answer is.
func denied(conn *nats.Conn) error {
	if err := conn.LastError(); errors.Is(err, nats.ErrPermissionViolation) {
		return err
	}
	return nil
}

func (c *checker) streams(ctx context.Context, js jetstream.JetStream) outcome {
	found, o := examine(ctx, js, c.Stream)
	if o.state != OK {
		return o
	}
	var fixed, changed []string
	for _, change := range found.Changes {
		text := fmt.Sprintf("%s.%s %s → %s", change.Stream, change.Setting, change.Is, change.Wanted)
		if change.Fixed {
			fixed = append(fixed, text)
		} else {
			changed = append(changed, text)
		}
	}
	switch {
	case len(fixed) > 0:
		return fail("nats.fixed", strings.Join(fixed, ", "))
	case len(changed) > 0:
		return warn("nats.changed", strings.Join(changed, ", "))
	}
	return c.missing(found)
}

// central: streams there are made if they are missing, and never changed.
func (c *checker) central(ctx context.Context, js jetstream.JetStream) outcome {
	found, o := examine(ctx, js, c.ForwardStream)
	if o.state != OK {
		return o
	}
	var changed []string
	for _, change := range found.Changes {
		changed = append(changed, fmt.Sprintf("%s.%s %s → %s", change.Stream, change.Setting, change.Is, change.Wanted))
	}
	if len(changed) > 0 {
		return warn("nats.central-differs", strings.Join(changed, ", "))
	}
	return c.missing(found)
}

func examine(ctx context.Context, js jetstream.JetStream, o events.StreamOptions) (events.Examination, outcome) {
	found, err := events.Examine(ctx, js, o)
	switch {
	case err != nil:
		return found, fail("nats.streams-unread").saying(err.Error())
	case len(found.Overlap) > 0:
		return found, fail("nats.overlap", strings.Join(found.Overlap, ", "))
	}
	return found, fine()
}

func (c *checker) missing(found events.Examination) outcome {
	o := fine()
	if len(found.Missing) > 0 {
		o.note = c.text("nats.to-be-made", strings.Join(found.Missing, ", "))
	}
	return o
}
