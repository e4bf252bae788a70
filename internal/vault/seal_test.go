package vault

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
)

// What an operator can do to the files, and what the error must say.
func TestDamage(t *testing.T) {
	source := t.TempDir()
	v, release := mustOpen(t, source)
	release()
	key, sealed := readFile(t, filepath.Join(source, "seal.key")), readFile(t, filepath.Join(source, "sealed", "keys.age"))
	flip := func(at int) []byte {
		damaged := append([]byte(nil), sealed...)
		damaged[at] ^= 1
		return damaged
	}
	future, err := v.seal.close([]byte(`{"version":2}`))
	if err != nil {
		t.Fatal(err)
	}
	hybrid, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name        string
		key, sealed []byte // nil: there is no such file
		want        []string
	}{
		{"key missing", nil, sealed, []string{"is missing, but there is sealed state", "restore the key", "delete the sealed state"}},
		{"another key", newIdentity(t), sealed, []string{"not the one that the state was sealed with", "restore that key", "delete the sealed state"}},
		{"key is no key", []byte("hunter2\n"), sealed, []string{"seal.key is not a file of age X25519 identities"}},
		{"key is spoiled", append(key[:len(key)-5:len(key)-5], "QQQQ\n"...), sealed, []string{"seal.key is not a file of age X25519 identities"}},
		{"key of another kind", []byte(hybrid.String()), sealed, []string{"seal.key is not a file of age X25519 identities"}},
		{"key empty", []byte{}, sealed, []string{"seal.key is not a file of age X25519 identities"}},
		{"state empty", key, []byte{}, []string{"damaged", "backup", "delete the sealed state"}},
		{"state cut", key, sealed[:len(sealed)/2], []string{"damaged", "backup", "delete the sealed state"}},
		{"state spoiled at the end", key, flip(len(sealed) - 1), []string{"damaged", "backup"}},
		{"state spoiled in the header", key, flip(2), []string{"damaged", "backup"}},
		{"state of a later version", key, future, []string{"format 2", "use the version that wrote it"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.Mkdir(filepath.Join(dir, "sealed"), 0o700); err != nil {
				t.Fatal(err)
			}
			keyPath, sealedPath := filepath.Join(dir, "seal.key"), filepath.Join(dir, "sealed", "keys.age")
			keep(t, keyPath, test.key)
			keep(t, sealedPath, test.sealed)
			_, _, err := open(t, dir)
			if err == nil {
				t.Fatal("the vault was opened")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error does not say %q: %v", want, err)
				}
			}
			if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "AGE-SECRET-KEY-1Q") {
				t.Errorf("error repeats the key: %v", err)
			}
			if _, err := os.Stat(keyPath); test.key == nil && err == nil {
				t.Error("a new seal key was made beside sealed state")
			}
			if string(readFile(t, sealedPath)) != string(test.sealed) {
				t.Error("the sealed state was changed")
			}
		})
	}
}

// Replicas, and careful operators, bring the key before anything is sealed.
func TestGivenSealKey(t *testing.T) {
	dir := t.TempDir()
	key := newIdentity(t)
	keep(t, filepath.Join(dir, "seal.key"), key)
	_, release := mustOpen(t, dir)
	release()
	if string(readFile(t, filepath.Join(dir, "seal.key"))) != string(key) {
		t.Error("the given seal key was replaced")
	}
	// A new key in front seals from now on, the old one behind it still opens.
	next := newIdentity(t)
	keep(t, filepath.Join(dir, "seal.key"), append(append([]byte(nil), next...), key...))
	v, release := mustOpen(t, dir)
	if _, err := v.Rotate(t.Context()); err != nil {
		t.Error(err)
	}
	release()
	keep(t, filepath.Join(dir, "seal.key"), next)
	v, _ = mustOpen(t, dir)
	if got := len(v.EncryptionKeys()); got != 2 {
		t.Errorf("there are %d keys, want 2", got)
	}
}

func TestWideSealKey(t *testing.T) {
	for mode, want := range map[os.FileMode]bool{0o600: false, 0o400: false, 0o640: true, 0o644: true} {
		dir := t.TempDir()
		path := filepath.Join(dir, "seal.key")
		keep(t, path, newIdentity(t))
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, log, err := open(t, dir)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(log.String(), "level=WARN"); got != want {
			t.Errorf("mode %o: warned is %v, want %v: %s", mode, got, want, log)
		}
	}
}

// The key that we make ourselves is narrow enough.
func TestOwnSealKey(t *testing.T) {
	_, log, err := open(t, t.TempDir())
	if err != nil || strings.Contains(log.String(), "level=WARN") {
		t.Errorf("error is %v, log is %s", err, log)
	}
}

// Whatever was sealed, decoding gives a usable state or an error.
func FuzzDecodeState(f *testing.F) {
	key, err := newEncryptionKey(1024, time.Now()) // small, since every worker makes one
	if err != nil {
		f.Fatal(err)
	}
	text, err := (&state{clientState: make([]byte, 32), keys: []EncryptionKey{key}}).encode()
	if err != nil {
		f.Fatal(err)
	}
	if _, err := decodeState(text); err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	var d document
	if err := json.Unmarshal(text, &d); err != nil {
		f.Fatal(err)
	}
	for _, spoil := range []func(*document){
		func(d *document) { d.ClientState = nil },
		func(d *document) { d.Keys = nil },
		func(d *document) { d.Keys = append(d.Keys, d.Keys[0]) },
		func(d *document) { d.Keys[0].Private = []byte("x") },
	} {
		bad := d
		bad.Keys = append([]documentKey(nil), d.Keys...)
		spoil(&bad)
		text, err := json.Marshal(bad)
		if err != nil {
			f.Fatal(err)
		}
		if _, err := decodeState(text); err == nil {
			f.Errorf("a spoiled state was accepted: %d keys", len(bad.Keys))
		}
		f.Add(text)
	}
	f.Add([]byte(`{"version":1}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := decodeState(text)
		if err != nil {
			return
		}
		if len(s.clientState) != 32 || len(s.keys) == 0 {
			t.Error("an incomplete state was accepted")
		}
		for _, k := range s.keys {
			if found, ok := s.find(k.ID); !ok || found.Private != k.Private || k.Thumbprint == "" {
				t.Errorf("%v cannot be found again", k)
			}
		}
	})
}

func newIdentity(t *testing.T) []byte {
	t.Helper()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return []byte(identity.String() + "\n")
}

// keep writes a file of mode 0600, unless there is nothing to write.
func keep(t *testing.T, path string, data []byte) {
	t.Helper()
	if data == nil {
		return
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
