package consumers_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"jtel.de/presencebridge/events"
)

// What the Java consumer takes for the contract is the contract: every name that
// it uses is one, and every member that it reads is one of a user event's.
func TestJavaKeepsTheContract(t *testing.T) {
	text, err := os.ReadFile("java/Consumer.java")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"STREAM": events.Stream, "SUBJECTS": events.UserSubjects, "TYPE": events.TypeUser} {
		found := regexp.MustCompile(`static final String ` + name + ` = "([^"]+)";`).FindStringSubmatch(string(text))
		if found == nil || found[1] != want {
			t.Errorf("%s is %q, want %q", name, found, want)
		}
	}
	read := regexp.MustCompile(`read(?:String|Object)\((\w+|JsonValueUtils\.readObject\(\w+, "\w+"\)), "(\w+)"\)`).FindAllStringSubmatch(string(text), -1)
	if len(read) < 10 {
		t.Fatalf("only %d members are read", len(read))
	}
	golden, err := os.ReadFile("../../events/testdata/user_contract.json")
	if err != nil {
		t.Fatal(err)
	}
	var event map[string]any
	if err := json.Unmarshal(golden, &event); err != nil {
		t.Fatal(err)
	}
	data := event["data"].(map[string]any)
	parts := map[string]map[string]any{"event": event, "data": data, "user": data["user"].(map[string]any)}
	for _, r := range read {
		of := r[1]
		if strings.Contains(of, `"data"`) {
			of = "data"
		}
		if part, known := parts[of]; !known {
			t.Errorf("%s is read from %s, which is nothing of an event", r[2], of)
		} else if _, there := part[r[2]]; !there {
			t.Errorf("%s has no member %s", of, r[2])
		}
	}
	for _, rule := range []string{"maxAckPending(1)", "AckPolicy.Explicit", `"KV-Operation"`, "nakWithDelay(", "term()"} {
		if !strings.Contains(string(text), rule) {
			t.Errorf("it does without %s, which docs/consumers/README.md demands of every consumer", rule)
		}
	}
}
