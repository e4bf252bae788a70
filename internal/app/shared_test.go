package app_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"jtel.de/presencebridge/internal/app"
	"jtel.de/presencebridge/internal/broker"
	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/graphsim"
)

// natsServer is a NATS server apart from any instance.
func natsServer(t *testing.T) string {
	t.Helper()
	server, err := broker.Start(broker.Options{Dir: t.TempDir(), Listen: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return server.URL()
}

// A single instance becomes one whose keys are in NATS, and then runs elsewhere
// with nothing but the configuration and the seal key.
func TestKeysMoveToNATS(t *testing.T) {
	b := newBridge(t, graphsim.Options{}, nil)
	b.start(false)
	b.covered()
	b.halt()
	before := b.sim.Subscriptions()

	url, key := natsServer(t), filepath.Join(t.TempDir(), "seal.key")
	data := ""
	b.change = func(c *config.Config) {
		c.NATS.URL, c.SealKeyFile = url, key
		if data != "" {
			c.DataDir = data
		}
	}
	for _, data = range []string{"", t.TempDir()} {
		b.start(false)
		b.addresses.NATS = url
		b.covered()
		state := map[bool]string{true: "Busy", false: "Away"}[data == ""]
		b.set(b.user(0), state, state)
		b.eventually("agreement", b.agrees)
		if status, _ := b.admin("/readyz"); status != http.StatusOK {
			t.Error("not ready")
		}
		b.halt()
	}
	if after := b.sim.Subscriptions(); len(after) != 1 || after[0].ID != before[0].ID || b.requests(creates) != 1 {
		t.Errorf("the subscription was not adopted: before %s, after %s", pretty(before), pretty(after))
	}

	// Another seal key is none.
	other := t.TempDir()
	data = other
	c, err := config.Load(b.file, nil)
	if err != nil {
		t.Fatal(err)
	}
	b.change(c)
	c.SealKeyFile = filepath.Join(other, "mine.key")
	if err := os.WriteFile(c.SealKeyFile, []byte("AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	err = app.Run(context.Background(), app.Options{Config: c, Version: "test", Log: slog.New(slog.DiscardHandler)})
	if err == nil || errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "copy the seal_key_file of an instance that runs") {
		t.Errorf("with another seal key: %v", err)
	}
}
