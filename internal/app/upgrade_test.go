package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/graphsim"
)

// keepData writes testdata/upgrade/NAME.tar.gz anew from what this version
// stores. Each release gets one, and all of them must be read by every later one.
var keepData = flag.String("keep-data", "", "store the data of this version under this `name`")

// last is what a fixture says of itself: ids of last events by user id.
type last map[string]string

// The data of every version that was released can be taken over as it is.
func TestUpgradeFromEarlierData(t *testing.T) {
	if *keepData != "" {
		keep(t, *keepData)
	}
	fixtures, err := filepath.Glob("testdata/upgrade/*.tar.gz")
	if err != nil || len(fixtures) == 0 {
		t.Fatal("no data of earlier versions", err)
	}
	for _, fixture := range fixtures {
		t.Run(filepath.Base(fixture), func(t *testing.T) {
			dir := t.TempDir()
			if out, err := exec.Command("tar", "-xzf", fixture, "-C", dir).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			text, err := os.ReadFile(filepath.Join(dir, "last.json"))
			if err != nil {
				t.Fatal(err)
			}
			var want last
			if err := json.Unmarshal(text, &want); err != nil || len(want) == 0 {
				t.Fatal(want, err)
			}
			b := newBridge(t, graphsim.Options{People: 2}, func(c *config.Config) { useData(c, filepath.Join(dir, "data")) })
			b.start(false)
			b.covered()
			got := allStates(t, b)
			for user, id := range want {
				if got[user] != id {
					t.Errorf("the last state of %s is %q, was %q", user, got[user], id)
				}
			}
			for _, anew := range []string{"sealed state made", "seal key made"} {
				if strings.Contains(b.log.all(), anew) {
					t.Errorf("%s, although there was one", anew)
				}
			}
			b.set(b.user(0), "Busy", "InACall")
			b.eventually("an event", b.agrees)
		})
	}
}

func useData(c *config.Config, dir string) {
	c.DataDir, c.SealKeyFile = dir, filepath.Join(dir, "seal.key")
}

// allStates are the ids of the last events of all tenants, by user id.
func allStates(t *testing.T, b *bridge) last {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	all := last{}
	for e, err := range events.Snapshot(ctx, b.jetStream()) {
		if err != nil && !errors.Is(err, events.ErrMalformed) {
			t.Fatal(err)
		}
		all[e.Data.User.ID] = e.ID
	}
	return all
}

// keep runs this version for a while and keeps what it leaves behind.
func keep(t *testing.T, name string) {
	dir := t.TempDir()
	central := newExternalNATS(t)
	b := newBridge(t, graphsim.Options{People: 3}, func(c *config.Config) {
		useData(c, filepath.Join(dir, "data"))
		c.NATS.Forward.URL = central.url() // which leaves its place
	})
	b.start(false)
	b.covered()
	b.eventually("the end of forwarding", func() bool {
		_, m := b.admin("/metrics")
		return strings.Contains(m, "presencebridge_forward_pending 0")
	})
	text, err := json.MarshalIndent(allStates(t, b), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	b.halt()
	if err := os.WriteFile(filepath.Join(dir, "last.json"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll("testdata/upgrade", 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("tar", "-czf", "testdata/upgrade/"+name+".tar.gz", "-C", dir, "last.json", "data").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}
