package subscriptions

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"jtel.de/presencebridge/internal/graph"
)

// failed plans the next try after an error, notes it in plain words and logs
// it: at full level once, not once per try. That the bridge itself held a call
// back is no failure: its turn comes later.
func (m *Manager) failed(ctx context.Context, err error) {
	if graph.HeldBack(err) {
		m.throttled = true
		m.retryAt = clock().Add(max(time.Second, graph.RetryAfter(err)))
		m.log(ctx, slog.LevelDebug, "subscription attempt held back", "next", m.retryAt)
		return
	}
	class := graph.Classify(err)
	m.throttled = class == graph.Throttled
	wait := m.backoff(class)
	wait = max(wait, graph.RetryAfter(err))
	m.retryAt = clock().Add(wait)

	level := slog.LevelWarn
	if slow(class) {
		level = slog.LevelError
	}
	cause, requestID := describe(err)
	if cause == m.lastError {
		level = slog.LevelDebug
	}
	m.lastError, m.class, m.advice = cause, class, adviceOn(err)
	m.log(ctx, level, "subscription attempt failed", "class", class.String(), "error", cause,
		"advice", m.advice, "request_id", requestID, "next", wait.Round(100*time.Millisecond).String())
}

func (m *Manager) failing() bool { return m.failures+m.refusals > 0 }

// slow errors do not pass by themselves: somebody must change the set-up. A
// token that is refused although it is fresh is such a one.
func slow(c graph.Class) bool {
	return c == graph.Operator || c == graph.Invalid || c == graph.Unauthorized
}

// backoff doubles from try to try, with jitter, and leaves room for another
// try before the held subscription ends.
func (m *Manager) backoff(class graph.Class) time.Duration {
	tries, first, most := &m.failures, time.Second, time.Minute
	if slow(class) {
		tries, first, most = &m.refusals, time.Minute, 10*time.Minute
	}
	wait := min(first<<min(*tries, 10), most)
	*tries++
	if m.held != nil {
		wait = max(first, min(wait, time.Until(m.held.ExpiresAt)/2))
	}
	return wait - time.Duration(m.o.Jitter()*float64(wait/4))
}

// succeeded ends a row of failures.
func (m *Manager) succeeded(ctx context.Context) {
	if m.failing() {
		m.log(ctx, slog.LevelInfo, "subscription attempt succeeded again", "failures", m.failures+m.refusals)
	}
	m.failures, m.refusals, m.lastError, m.class, m.advice = 0, 0, "", graph.Transient, ""
	m.throttled, m.retryAt = false, time.Time{}
}

// describe tells an error without the service user's name and without what
// differs between two tries, which is the request id.
func describe(err error) (cause, requestID string) {
	if s, ok := errors.AsType[*graph.SignInError](err); ok {
		cause = "sign-in of the service user: " + s.Meaning
		if s.AADSTS != 0 {
			cause += fmt.Sprintf(" (AADSTS%d)", s.AADSTS)
		}
		return cause, ""
	}
	if g, ok := errors.AsType[*graph.Error](err); ok {
		return fmt.Sprintf("graph answered %d %s: %s", g.Status, g.Code, g.Message), g.RequestID
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err.Error(), ""
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "graph did not answer in time", ""
	}
	for errors.Unwrap(err) != nil {
		err = errors.Unwrap(err)
	}
	return err.Error(), ""
}

// blamesPeople reports whether a refused create may be due to one of the people
// in it: Graph answers 500 when somebody was deleted or has a broken presence
// account, and perhaps 400. The latter it would answer again.
func blamesPeople(err error) (blames, certain bool) {
	g, ok := errors.AsType[*graph.Error](err)
	if !ok {
		return false, false
	}
	certain = g.Status == 400 && g.Class() == graph.Invalid
	return certain || g.Status == 500, certain
}

func adviceOn(err error) string {
	if s, ok := errors.AsType[*graph.SignInError](err); ok {
		return s.Advice
	}
	if g, ok := errors.AsType[*graph.Error](err); ok && g.HandshakeFailed() {
		return "make sure that the public URL reaches this service over HTTPS"
	}
	switch graph.Classify(err) {
	case graph.Operator:
		return "grant the app the delegated permission Presence.Read.All with admin consent"
	case graph.Unauthorized:
		return "check that the service user may sign in and that the tenant and cloud are the right ones"
	case graph.Invalid:
		return "check the public URL and the certificate; tell Microsoft's support the request id"
	}
	return ""
}
