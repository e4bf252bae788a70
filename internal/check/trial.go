package check

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"time"

	"jtel.de/presencebridge/internal/graph"
)

const (
	// trialTime is that of a trial: Graph validates two URLs, ten seconds each.
	trialTime = 90 * time.Second
	// trialLife is the shortest life that Graph gives to a subscription.
	trialLife = 45 * time.Minute
)

// trial makes a subscription and deletes it. Whoever has one is left alone, and
// so is everybody while a service runs: it may want to make its own at any time.
func (c *checker) trial(ctx context.Context, reach Account, watched []string) outcome {
	has, err := reach.Graph.Subscriptions(ctx)
	if err != nil {
		return c.graphOutcome(err, fail("user.subscription-denied").at("permissions"))
	}
	for _, s := range has {
		if len(s.UserIDs) == 0 {
			continue // of something else than presence
		}
		end := s.ExpiresAt.UTC().Format(time.RFC3339)
		if s.NotificationURL != "" && s.NotificationURL != c.Config.CallbackURL() {
			return warn("user.subscription-elsewhere", end, s.NotificationURL).at("service-users")
		}
		o := fine()
		o.note = c.text("user.subscription-exists", len(s.UserIDs), end)
		return o
	}
	switch {
	case c.running:
		return pass("user.subscription-service")
	case len(watched) == 0:
		return pass("user.nobody")
	}
	cert, err := throwaway(c.now())
	if err != nil {
		return fail("user.subscription-refused").saying(err.Error())
	}
	made, err := reach.Graph.CreateSubscription(ctx, graph.Subscription{
		UserIDs: watched[:1], NotificationURL: c.Config.CallbackURL(), LifecycleURL: c.Config.LifecycleURL(),
		ClientState: rand.Text(), ExpiresAt: c.now().Add(trialLife), Certificate: cert,
	})
	if err != nil {
		left := c.sweepUp(ctx, reach, cert.ID)
		return c.refused(err, left)
	}
	if err := c.remove(ctx, reach, made.ID); err != nil {
		return fail("user.subscription-left", made.ID, made.ExpiresAt.UTC().Format(time.RFC3339)).saying(err.Error())
	}
	return fine()
}

// remove deletes what was made, even if the check itself is interrupted.
func (c *checker) remove(ctx context.Context, reach Account, id string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	return reach.Graph.DeleteSubscription(ctx, id)
}

// sweepUp looks whether a create that failed made something after all.
func (c *checker) sweepUp(ctx context.Context, reach Account, certificate string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	has, err := reach.Graph.Subscriptions(ctx)
	for _, s := range has {
		if s.Certificate.ID == certificate {
			err = errors.Join(err, reach.Graph.DeleteSubscription(ctx, s.ID))
		}
	}
	return err
}

// refused says why Graph made no subscription.
func (c *checker) refused(err, left error) outcome {
	g, ok := errors.AsType[*graph.Error](err)
	if !ok {
		return c.graphOutcome(err, fail("user.subscription-denied"))
	}
	said := fmt.Sprintf("%d %s: %s", g.Status, g.Code, g.Message)
	if g.RequestID != "" {
		said += " (request-id " + g.RequestID + ")"
	}
	if left != nil {
		said += "; " + left.Error()
	}
	o := fail("user.subscription-refused")
	switch {
	case g.HandshakeFailed() && strings.Contains(g.Message, "timed out"):
		o = fail("user.subscription-timeout").at("firewall")
	case g.HandshakeFailed() && strings.Contains(g.Message, "exactly match"):
		o = fail("user.subscription-echo")
	case g.HandshakeFailed():
		o = fail("user.subscription-handshake").at("firewall")
	case g.Class() == graph.Conflict:
		o = fail("user.subscription-conflict").at("service-users")
	case g.Status == http.StatusForbidden:
		o = fail("user.subscription-denied").at("permissions")
	case g.Class() == graph.Throttled, g.Class() == graph.Transient:
		o = fail("graph.busy")
	}
	return o.saying(said).coded(fmt.Sprint(g.Status))
}

// trialKey is made once, and not kept beyond the process.
var trialKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// throwaway is a certificate for what comes during a trial, which is not read.
func throwaway(now time.Time) (graph.Certificate, error) {
	key, err := trialKey()
	if err != nil {
		return graph.Certificate{}, fmt.Errorf("make a key: %w", err)
	}
	form := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "presencebridge check"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, form, form, &key.PublicKey, key)
	if err != nil {
		return graph.Certificate{}, fmt.Errorf("make a certificate: %w", err)
	}
	return graph.Certificate{ID: "check-" + rand.Text(), DER: der}, nil
}
