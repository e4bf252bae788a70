package vault

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func newStore(t *testing.T, dir string) *Dir {
	t.Helper()
	d, err := OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func TestDir(t *testing.T) {
	d := newStore(t, t.TempDir())
	ctx := t.Context()
	if _, err := d.Get(ctx, "a"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing is stored: error is %v", err)
	}
	if err := d.Create(ctx, "a", []byte("1")); err != nil {
		t.Error(err)
	}
	if err := d.Create(ctx, "a", []byte("2")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("created twice: error is %v", err)
	}
	if got, err := d.Get(ctx, "a"); string(got) != "1" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	for _, data := range []string{"3", ""} {
		if err := d.Put(ctx, "a", []byte(data)); err != nil {
			t.Error(err)
		}
		if got, err := d.Get(ctx, "a"); string(got) != data || err != nil {
			t.Errorf("got %q, %v, want %q", got, err, data)
		}
	}
	for _, name := range []string{"", "..", "../seal", "a/b", ".tmp-1", "A", strings.Repeat("a", 65)} {
		if err := d.Put(ctx, name, nil); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("name %q: error is %v", name, err)
		}
	}
	if names := list(t, d.sealed); len(names) != 1 || names[0] != "a.age" {
		t.Errorf("the directory holds %v", names)
	}
}

func TestDirPermissions(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.MkdirAll(filepath.Join(dir, "sealed"), 0o755); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, dir)
	for path, want := range map[string]fs.FileMode{
		"sealed": fs.ModeDir | 0o700, "sealed/keys.age": 0o600, "seal.key": 0o600, "lock": 0o600,
	} {
		info, err := os.Stat(filepath.Join(dir, path))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != want {
			t.Errorf("%s has mode %v, want %v", path, info.Mode(), want)
		}
	}
}

func TestTwoOpeners(t *testing.T) {
	dir := t.TempDir()
	first := newStore(t, dir)
	_, err := OpenDir(dir)
	if err == nil || !strings.Contains(err.Error(), "another presencebridge uses this data_dir") {
		t.Errorf("second opener: error is %v", err)
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	second, err := OpenDir(dir)
	if err != nil {
		t.Fatalf("after the first one closed: %v", err)
	}
	if err := second.Close(); err != nil {
		t.Error(err)
	}
}

// A crash between writing and renaming leaves a temporary file and the old state.
func TestCrashBeforeRename(t *testing.T) {
	dir := t.TempDir()
	v, release := mustOpen(t, dir)
	id := v.Current().ID
	release()
	left := filepath.Join(dir, "sealed", temporary+"4711")
	if err := os.WriteFile(left, []byte("age-encryption.org/v1\nhalf"), 0o600); err != nil {
		t.Fatal(err)
	}
	v, _ = mustOpen(t, dir)
	if v.Current().ID != id {
		t.Error("the old state is lost")
	}
	if names := list(t, filepath.Join(dir, "sealed")); len(names) != 1 {
		t.Errorf("the directory holds %v", names)
	}
}

// A write that fails leaves the old content and nothing besides.
func TestWriteFails(t *testing.T) {
	d := newStore(t, t.TempDir())
	if err := d.Put(t.Context(), "a", []byte("old")); err != nil {
		t.Fatal(err)
	}
	full := errors.New("no space left")
	err := writeFile(filepath.Join(d.sealed, "a.age"), []byte("new"), func(_, _ string) error { return full })
	if !errors.Is(err, full) {
		t.Errorf("error is %v", err)
	}
	if got, err := d.Get(t.Context(), "a"); string(got) != "old" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if names := list(t, d.sealed); len(names) != 1 {
		t.Errorf("the directory holds %v", names)
	}
}

// Without links (a directory cannot have any) a name is still given only once.
func TestPublishWithoutLinks(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"first", "second"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	to := filepath.Join(dir, "to")
	if err := publishNew(filepath.Join(dir, "first"), to); err != nil {
		t.Error(err)
	}
	if err := publishNew(filepath.Join(dir, "second"), to); !errors.Is(err, fs.ErrExist) {
		t.Errorf("error is %v", err)
	}
	if names := list(t, dir); len(names) != 2 || names[0] != "second" {
		t.Errorf("the directory holds %v", names)
	}
}

func TestOpenDirOnFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenDir(path); err == nil {
		t.Error("a file was opened as a directory")
	}
}

func list(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}
