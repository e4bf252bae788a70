package graphsim

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

// docs/simulator.md must name every switch, route and forgery.
func TestDocumentation(t *testing.T) {
	b, err := os.ReadFile("../../docs/simulator.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	names := ForgeKinds()
	for f := range reflect.TypeFor[Faults]().Fields() {
		names = append(names, f.Name)
	}
	for pattern := range New(Options{Seed: 1}).controls() {
		names = append(names, pattern)
	}
	for _, r := range routes {
		names = append(names, r.pattern)
	}
	for _, name := range names {
		if !strings.Contains(text, "`"+name+"`") && !strings.Contains(text, "`"+name+" ") && !strings.Contains(text, " "+name+"`") {
			t.Errorf("docs/simulator.md does not name %s", name)
		}
	}
}
