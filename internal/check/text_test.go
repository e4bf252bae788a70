package check

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/internal/graph/signin"
)

var verb = regexp.MustCompile(`%(\[\d+\])?[a-z]`)

// No language lacks a text, and each takes the same arguments.
func TestCatalogue(t *testing.T) {
	same := []string{"label-guide", "group.nats", "group.config", "people.count"}
	for key, x := range catalogue {
		for _, l := range Languages() {
			said := x.in(l)
			if strings.TrimSpace(said) == "" || said != strings.TrimSpace(said) {
				t.Errorf("%s in %s: %q", key, l, said)
			}
			if got, want := verb.FindAllString(said, -1), verb.FindAllString(x.en, -1); !slices.Equal(got, want) {
				t.Errorf("%s in %s has %v, English %v", key, l, got, want)
			}
			if l != English && said == x.en && !slices.Contains(same, key) {
				t.Errorf("%s is not translated into %s", key, l)
			}
		}
		if base, ok := strings.CutSuffix(key, ".do"); ok && !known(base) {
			t.Errorf("%s advises, but nothing says what happened", key)
		}
	}
}

// Every text that the code names is there, and every text is named.
func TestCatalogueIsUsed(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob("../../cmd/presencebridge/check*.go")
	if err != nil || len(more) == 0 {
		t.Fatal("the command is not there", err)
	}
	var code strings.Builder
	for _, file := range append(files, more...) {
		if strings.HasSuffix(file, "_test.go") || strings.HasPrefix(file, "text_") {
			continue
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		code.Write(b)
	}
	for key := range catalogue {
		base := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(key, ".do"), ".tried"), ".replace")
		kind := strings.TrimSuffix(base, "-missing") // of permissions
		if !strings.Contains(code.String(), `"`+base+`"`) && !strings.Contains(code.String(), `"`+kind+`"`) {
			t.Errorf("nobody says %s", key)
		}
	}
	for _, m := range regexp.MustCompile(`\b(?:fail|warn|open|pass|text|Text|subject)\("([^"]+)"`).FindAllStringSubmatch(code.String(), -1) {
		if !known(m[1]) {
			t.Errorf("there is no text %s", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`(?:anchor: |\.at\()"([^"]+)"`).FindAllStringSubmatch(code.String(), -1) {
		if _, ok := headings[m[1]]; !ok {
			t.Errorf("there is no heading %s", m[1])
		}
	}
}

// Sign-in errors are signin's; other languages know the same codes.
func TestRefusals(t *testing.T) {
	codes := signin.Codes()
	for code, r := range refusals {
		if !slices.Contains(codes, code) {
			t.Errorf("%d is not one of signin's", code)
		}
		if _, ok := headings[r.anchor]; !ok {
			t.Errorf("%d leads to %q", code, r.anchor)
		}
	}
	for _, code := range codes {
		r, ok := refusals[code]
		if !ok || r.meaningDE == "" || r.adviceDE == "" || r.meaningFR == "" || r.adviceFR == "" {
			t.Errorf("%d lacks a text: %+v", code, r)
		}
	}
}

var section = regexp.MustCompile(`(?m)^<a id="([a-z-]+)"></a>\n## \d+\. (.+)$`)

// The headings that findings name are those of the guide.
func TestHeadings(t *testing.T) {
	for _, l := range Languages() {
		guide, err := os.ReadFile("../../docs/setup." + string(l) + ".md")
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]string{}
		for _, m := range section.FindAllStringSubmatch(string(guide), -1) {
			found[m[1]] = m[2]
		}
		for anchor, name := range headings {
			if found[anchor] != name.in(l) {
				t.Errorf("%s in %s: the guide says %q, we say %q", anchor, l, found[anchor], name.in(l))
			}
		}
	}
}

var permissionRow = regexp.MustCompile("(?m)^\\| `([A-Za-z.]+)` \\| ([^|]+) \\| ([^|]+) \\|")

// The permissions that are checked are those that the guide asks for.
func TestPermissions(t *testing.T) {
	kinds := map[string][2]string{"en": {"application", "delegated"}, "de": {"Anwendung", "delegiert"}, "fr": {"application", "déléguée"}}
	optional := map[string]string{"en": "optional", "de": "optional", "fr": "facultative"}
	for _, l := range Languages() {
		guide, err := os.ReadFile("../../docs/setup." + string(l) + ".md")
		if err != nil {
			t.Fatal(err)
		}
		var told []string
		for _, m := range permissionRow.FindAllStringSubmatch(string(guide), -1) {
			told = append(told, m[1]+" "+m[2])
			if m[3] == optional[string(l)] {
				told[len(told)-1] += " optional"
			}
		}
		var want []string
		for _, p := range graph.Permissions() {
			kind := kinds[string(l)][0]
			if p.Delegated {
				kind = kinds[string(l)][1]
			}
			want = append(want, p.Name+" "+kind)
			if p.Need == graph.Optional {
				want[len(want)-1] += " optional"
			}
		}
		if !slices.Equal(told, want) {
			t.Errorf("%s: the guide names %q, want %q", l, told, want)
		}
	}
}
