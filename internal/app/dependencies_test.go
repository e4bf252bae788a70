package app

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// Every direct dependency says why it is here.
func TestDependenciesAreExplained(t *testing.T) {
	read := func(name string) string {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	direct := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\t(\S+) v\S+$`).FindAllStringSubmatch(read("../../go.mod"), -1) {
		direct[m[1]] = true
	}
	if len(direct) < 10 {
		t.Fatalf("only %d direct dependencies found in go.mod", len(direct))
	}
	explained := map[string]bool{}
	for _, line := range strings.Split(read("../../docs/dependencies.md"), "\n") {
		if name, ok := strings.CutPrefix(line, "| `"); ok {
			name, _, _ = strings.Cut(name, "`")
			explained[name] = true
		}
	}
	for name := range direct {
		if !explained[name] {
			t.Errorf("docs/dependencies.md does not say why %s is here", name)
		}
	}
	for name := range explained {
		if !direct[name] {
			t.Errorf("docs/dependencies.md explains %s, which go.mod does not require", name)
		}
	}
}
