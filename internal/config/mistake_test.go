package config

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write the texts of testdata/mistakes anew")

// Each archive holds a configuration, maybe an environment and files, and the
// mistakes that must be told. The word hunter2 stands for a secret.
func TestMistakes(t *testing.T) {
	names, err := filepath.Glob("testdata/mistakes/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	for _, name := range names {
		name, err := filepath.Abs(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			dir := newDir(t)
			var environ []string
			var want string
			for _, f := range archive.Files {
				switch f.Name {
				case "env":
					environ = strings.Split(strings.TrimSpace(string(f.Data)), "\n")
				case "want":
					want = string(f.Data)
				default:
					write(t, filepath.Join(dir, f.Name), string(f.Data))
				}
			}
			t.Chdir(dir)
			_, err = Load("bridge.yaml", environ)
			mistakes, ok := errors.AsType[*Mistakes](err)
			if !ok {
				t.Fatalf("error is %v, want mistakes", err)
			}
			got := strings.ReplaceAll(mistakes.Error(), dir, "$DIR") + "\n"
			for _, secret := range []string{"hunter2", "0b5e7ac7"} {
				if strings.Contains(got, secret) {
					t.Errorf("a mistake repeats a secret:\n%s", got)
				}
			}
			if *update {
				keepWant(t, name, archive, got)
			} else if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("mistakes (-want +got):\n%s", diff)
			}
		})
	}
}

func keepWant(t *testing.T, name string, archive *txtar.Archive, got string) {
	t.Helper()
	files := archive.Files[:0]
	for _, f := range archive.Files {
		if f.Name != "want" {
			files = append(files, f)
		}
	}
	archive.Files = append(files, txtar.File{Name: "want", Data: []byte(got)})
	if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
		t.Fatal(err)
	}
}
