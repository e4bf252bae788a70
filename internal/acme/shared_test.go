package acme

import (
	"crypto/x509"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"jtel.de/presencebridge/internal/broker"
	"jtel.de/presencebridge/internal/vault"
)

// Instances that share their state by NATS order once, and one that comes later
// needs no authority.
func TestInstancesShareOneCertificate(t *testing.T) {
	t.Parallel()
	server, err := broker.Start(broker.Options{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	key := filepath.Join(t.TempDir(), "seal.key")
	storage := func() *vault.Certificates {
		nc, err := nats.Connect("", nats.InProcessServer(server.InProcess()))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		js, err := jetstream.New(nc)
		if err != nil {
			t.Fatal(err)
		}
		bucket, err := vault.OpenBucket(t.Context(), js, 1)
		if err != nil {
			t.Fatal(err)
		}
		v, err := vault.Open(t.Context(), bucket, key, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		shared, ok := v.Certificates()
		if !ok {
			t.Fatal("nothing is shared")
		}
		return shared
	}
	one, two, later := newPublic(t), newPublic(t), newPublic(t)
	authority := newPebble(t, freePort(t), port(two.over), time.Hour)
	for _, p := range []*public{one, two} {
		p.run(Options{Directory: authority.directory, Roots: authority.roots, Storage: storage(), TLSPort: port(p.over)})
	}
	roots := authority.issued()
	var first *x509.Certificate
	same := func(p *public) func() bool {
		return func() bool {
			got := p.presented(roots)
			return got != nil && got.Equal(first)
		}
	}
	eventually(t, "a certificate", func() bool { first = one.presented(roots); return first != nil })
	eventually(t, "the same one", same(two))
	authority.stop()
	later.run(Options{Directory: authority.directory, Roots: authority.roots, Storage: storage(), TLSPort: port(later.over)})
	eventually(t, "the same one later", same(later))
}
