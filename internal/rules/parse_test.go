package rules

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"jtel.de/presencebridge/events"
)

var update = flag.Bool("update", false, "write the texts of testdata/mistakes anew")

func TestMistakes(t *testing.T) {
	names, err := filepath.Glob("testdata/mistakes/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Parse("rules.yaml", archive.Files[0].Data)
			if _, ok := errors.AsType[*Mistakes](err); !ok {
				t.Fatalf("error is %v, want mistakes", err)
			}
			got := err.Error() + "\n"
			if *update {
				archive.Files = append(archive.Files[:1], txtar.File{Name: "want", Data: []byte(got)})
				if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if diff := cmp.Diff(string(archive.Files[1].Data), got); diff != "" {
				t.Errorf("mistakes (-want +got):\n%s", diff)
			}
		})
	}
}

func example(t testing.TB) *Set {
	t.Helper()
	text, err := os.ReadFile("testdata/rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s, err := Parse("rules.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestFingerprintFollowsTheText(t *testing.T) {
	text := "clients: [{name: a, tenants: b, stale: unchanged, otherwise: unchanged, rules: [{availability: Busy, then: unreachable}]}]"
	one, err := Parse("a", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	two, err := Parse("b", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	three, err := Parse("a", []byte(text+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	if one.Fingerprint != two.Fingerprint || one.Fingerprint == three.Fingerprint || one.Clients[0].Hold != DefaultHold {
		t.Errorf("%q %q %q, hold %s", one.Fingerprint, two.Fingerprint, three.Fingerprint, one.Clients[0].Hold)
	}
}

// Whatever the file holds, the answer is mistakes with their place, or rules
// that can judge anything.
func FuzzParse(f *testing.F) {
	text, err := os.ReadFile("testdata/rules.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	archives, err := filepath.Glob("testdata/mistakes/*.txtar")
	if err != nil || len(archives) == 0 {
		f.Fatal("no archives", err)
	}
	for _, name := range archives {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(archive.Files[0].Data)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := Parse("rules.yaml", text)
		if err != nil {
			if m, ok := errors.AsType[*Mistakes](err); !ok || len(m.List) == 0 {
				t.Fatalf("error is %#v", err)
			}
			return
		}
		if len(s.Clients) == 0 {
			t.Fatal("no clients and no mistake")
		}
		for _, c := range s.Clients {
			d := events.UserData{Availability: "Busy", User: events.User{Mail: "a@b", Phones: []string{"+4989123456"}}}
			c.Listens(&d)
			v := c.Judge(&d)
			if v.Then != Reachable && v.Then != Unreachable && v.Then != Unchanged || v.By.Line == 0 || v.Hold < 0 {
				t.Fatalf("verdict %+v of\n%s", v, text)
			}
			if steps := c.Explain(&d); steps[len(steps)-1].By != v.By {
				t.Fatalf("explained as %+v, decided by %+v", steps, v.By)
			}
		}
	})
}
