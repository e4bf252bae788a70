package app

import (
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"jtel.de/presencebridge/internal/vault"
)

// A year passes, a new key is made, and the old one stays for as long as a
// subscription refers to it and what was encrypted for it may still come.
func TestKeysRotateWithoutAGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		files, err := vault.OpenDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer files.Close()
		v, err := vault.Open(t.Context(), files, filepath.Join(dir, "seal.key"), slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		k := newKeyring(v)
		old := v.Current().ID
		after := func(d time.Duration, want ...string) {
			t.Helper()
			time.Sleep(d)
			if err := k.tend(t.Context()); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, key := range v.EncryptionKeys() {
				got = append(got, key.ID)
			}
			if !slices.Equal(got, want) {
				t.Fatalf("keys %v, want %v", got, want)
			}
		}
		after(0, old)
		if after(364*24*time.Hour, old); !k.holds(old) {
			t.Error("our own certificate is not ours")
		}
		time.Sleep(24 * time.Hour)
		if err := k.tend(t.Context()); err != nil {
			t.Fatal(err)
		}
		current := v.Current().ID
		if current == old {
			t.Fatal("a key of a year is still the current one")
		}
		after(5*time.Hour, current, old)
		k.holds(old) // a subscription that could not be renewed with the new one
		after(5*time.Hour, current, old)

		k = newKeyring(v) // a start knows nothing of that
		after(5*time.Hour, current, old)
		k.holds(current)
		after(time.Hour, current)
		if k.holds(old) || k.holds("somebody else's") {
			t.Error("a certificate without a key is ours")
		}
	})
}
