//go:build natscli

package inquiry

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"jtel.de/presencebridge/events"
)

// TestRecipes runs what docs/consumers/README.md tells of the nats command, line by line,
// with the real program (hence the build tag; scripts/check sets it).
func TestRecipes(t *testing.T) {
	page, err := os.ReadFile("../../docs/consumers/README.md")
	if err != nil {
		t.Fatal(err)
	}
	const id = "b36a4df4-9d72-4b1e-a7f6-97c6e9a6f0a1"
	s := newSite(t)
	who := events.User{ID: id, Mail: "agent1@contoso.com", Phones: []string{"+4989123456"}}
	publish(s, state(contoso, "contoso", who, "Busy", "InACall"))
	asked, _ := s.bridge(contoso, "contoso")

	// What each prints, by how it begins; those that end by themselves end well.
	prints := map[string]string{
		"nats sub ":                                 id,
		"nats kv watch presence":                    id,
		"nats kv get presence ":                     `"activity":"InACall"`,
		"nats micro info presence":                  "presence.v1.api.find",
		"nats request presence.v1.api.find ":        id,
		"nats request presence.v1.api.list ":        id,
		"nats request presence.v1.api.coverage ":    `"coverage"`,
		"nats request presence.v1.api.refresh ":     `"asked":1`,
		"nats consumer add PRESENCE my-adapter ":    "my-adapter",
		"nats consumer next PRESENCE my-adapter --": id,
	}
	tried := 0
	for line := range strings.Lines(string(page)) {
		if !strings.HasPrefix(line, "nats ") {
			continue
		}
		tried++
		known := false
		for begin, want := range prints {
			if strings.HasPrefix(line, begin) {
				known = true
				recipe(t, s, line, want, who)
			}
		}
		if !known {
			t.Errorf("nobody knows what this prints: %s", line)
		}
	}
	if tried < len(prints) {
		t.Errorf("only %d recipes were found", tried)
	}
	if ids := asked.take(); len(ids) != 1 || ids[0] != id {
		t.Errorf("asked to read %v", ids)
	}
}

// recipe runs a command until it has printed what it should. Meanwhile the
// person's state changes, for those that wait for changes.
func recipe(t *testing.T, s *site, line, want string, who events.User) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", "exec "+line)
	cmd.Env = append(os.Environ(), "NATS_URL="+s.server.URL(), "HOME="+t.TempDir())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string)
	go func() {
		defer close(lines)
		for text := bufio.NewScanner(out); text.Scan(); {
			lines <- text.Text()
		}
	}()
	var changes <-chan time.Time
	waits := strings.HasPrefix(line, "nats sub ") || strings.HasPrefix(line, "nats kv watch ")
	if waits {
		ticker := time.NewTicker(100 * time.Millisecond)
		defer ticker.Stop()
		changes = ticker.C
	}
	var printed strings.Builder
	found := false
	for open := true; open; {
		select {
		case <-changes:
			e := state(contoso, "contoso", who, "Busy", "InACall")
			e.ID += time.Now().String()
			publish(s, e)
		case text, more := <-lines:
			open = more
			printed.WriteString(text + "\n")
			if found = found || strings.Contains(text, want); found && waits {
				cancel() // it would go on
			}
		}
	}
	if err := cmd.Wait(); !found || err != nil && !waits {
		t.Errorf("%s: %v, and it printed\n%s", strings.TrimSpace(line), err, printed.String())
	}
}
