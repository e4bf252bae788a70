package events_test

import (
	"slices"
	"strings"
	"testing"

	"jtel.de/presencebridge/events"
)

func TestSubjects(t *testing.T) {
	upper := strings.ToUpper
	for want, build := range map[string]func() (string, error){
		"presence.v1.user." + tenant + "." + agent1: func() (string, error) {
			return events.UserSubject(upper(tenant), agent1)
		},
		"presence.v1.directory." + tenant + "." + agent1: func() (string, error) {
			return events.DirectorySubject(tenant, upper(agent1))
		},
		"presence.v1.coverage." + tenant + ".0123456789abcdef": func() (string, error) {
			return events.CoverageSubject(tenant, "0123456789ABCDEF")
		},
		"presence.v1.decision.mandant-1." + agent1: func() (string, error) {
			return events.DecisionSubject("Mandant-1", agent1)
		},
		tenant + "." + agent1: func() (string, error) { return events.BucketKey(tenant, upper(agent1)) },
	} {
		if got, err := build(); err != nil || got != want {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
}

func TestSubjectsRefuseBrokenIDs(t *testing.T) {
	for _, bad := range []string{
		"", "*", ">", "x", agent1 + "0", agent1[1:], agent1[:35] + ".", agent1[:35] + "*", agent1[:35] + " ",
		strings.ReplaceAll(agent1, "-", "0"), "{" + agent1[:34] + "}", agent1[:35] + "g", agent1 + ".>",
	} {
		for name, build := range map[string]func() (string, error){
			"user":      func() (string, error) { return events.UserSubject(tenant, bad) },
			"tenant":    func() (string, error) { return events.UserSubject(bad, agent1) },
			"directory": func() (string, error) { return events.DirectorySubject(bad, bad) },
			"coverage":  func() (string, error) { return events.CoverageSubject(bad, "key") },
			"decision":  func() (string, error) { return events.DecisionSubject("1", bad) },
			"key":       func() (string, error) { return events.BucketKey(tenant, bad) },
		} {
			if got, err := build(); err == nil || got != "" {
				t.Errorf("%s %q gave %q", name, bad, got)
			}
		}
	}
	for _, bad := range []string{"", "a.b", "a*", ">", "a b", "ä", "a\n", strings.Repeat("a", 65)} {
		if got, err := events.CoverageSubject(tenant, bad); err == nil {
			t.Errorf("account key %q gave %q", bad, got)
		}
		if got, err := events.DecisionSubject(bad, agent1); err == nil {
			t.Errorf("client %q gave %q", bad, got)
		}
	}
}

func TestStreamLeavesTheAPIAlone(t *testing.T) {
	for _, s := range events.StreamSubjects() {
		if s == "presence.v1.>" || strings.HasPrefix(s, "presence.v1.api") {
			t.Errorf("%s swallows the requests", s)
		}
	}
}

func TestMessageIDs(t *testing.T) {
	ids := []string{
		events.UserMessageID(tenant, agent1, "key"),
		events.DecisionMessageID("sales", agent1, "", "key", events.Reachable),
		events.DecisionMessageID("sales", agent1, "key", "", events.Reachable),
		events.UserMessageID(tenant, agent1, "key2"),
		events.UserMessageID(tenant, person(1), "key"),
		events.UserMessageID(person(1), agent1, "key"),
		events.ReadMessageID(tenant, agent1, "key"),
		events.ReadMessageID(tenant, agent1, "key", "Busy"),
		events.ReadMessageID(tenant, agent1, "key", "Busy", "InACall"),
		events.ReadMessageID(tenant, agent1, "key", "BusyInACall"),
		events.ReadMessageID(tenant, agent1, "keyBusy", "InACall"),
		events.ReadMessageID(tenant, agent1, "key", "Busy", "InACall", ""),
	}
	for _, id := range ids {
		if len(id) != 24 || strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			t.Errorf("id %q is not 24 characters of base64url", id)
		}
	}
	if slices.Sort(ids); len(slices.Compact(ids)) != 12 {
		t.Error("different facts gave the same id")
	}
	// Replicas of another version must give the same id: these may never change.
	if got := events.UserMessageID(strings.ToUpper(tenant), strings.ToUpper(agent1), "key"); got != "DEYitcZg8GECbivDnKey_FAs" {
		t.Errorf("id of a notification is now %s", got)
	}
	if got := events.ReadMessageID(tenant, agent1, "key", "Busy", "InACall"); got != "p6ApP4dLvkoSo97g4rl9ST28" {
		t.Errorf("id of a read is now %s", got)
	}
}
