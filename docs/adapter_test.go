package docs_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/rules"
)

var block = regexp.MustCompile("(?s)```(\\w+)\n(.*?)```")

// The rules that the page shows are rules, and its decision is a decision.
func TestAdapterPage(t *testing.T) {
	page := string(read(t, "adapter.md"))
	files, decisions := 0, 0
	for _, m := range block.FindAllStringSubmatch(page, -1) {
		switch {
		case m[1] == "yaml":
			files++
			if _, err := rules.Parse("rules.yaml", []byte(m[2])); err != nil {
				t.Errorf("%s\n%v", m[2], err)
			}
		case m[1] == "json" && strings.Contains(m[2], "specversion"):
			decisions++
			if err := validate(schema(t, "/$defs/decisionEvent"), []byte(m[2])); err != nil {
				t.Error(err)
			}
			if _, err := events.Decode[events.DecisionData]([]byte(m[2])); err != nil {
				t.Error(err)
			}
		case m[1] == "json":
			if !json.Valid([]byte(m[2])) {
				t.Errorf("not JSON:\n%s", m[2])
			}
		}
	}
	if files != 2 || decisions != 1 {
		t.Errorf("%d rules files and %d decisions", files, decisions)
	}
}

// Every key is explained: an unknown one makes the parser name all that are known.
func TestAdapterPageExplainsEveryKey(t *testing.T) {
	page := string(read(t, "adapter.md"))
	known := regexp.MustCompile(`known here are ([a-z_, ]+)`)
	for _, text := range []string{
		"zzzzzzzz: 1",
		"clients: [{zzzzzzzz: 1}]",
		"clients: [{overrides: [{zzzzzzzz: 1}]}]",
		"clients: [{rules: [{zzzzzzzz: 1}]}]",
	} {
		_, err := rules.Parse("rules.yaml", []byte(text))
		found := known.FindStringSubmatch(err.Error())
		if found == nil {
			t.Fatalf("%s: %v", text, err)
		}
		for _, key := range strings.Split(found[1], ", ") {
			if !strings.Contains(page, "`"+key+"`") {
				t.Errorf("adapter.md does not explain %s of %s", key, text)
			}
		}
	}
}
