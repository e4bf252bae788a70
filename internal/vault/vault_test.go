package vault

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"filippo.io/age"
)

// open opens a vault on dir, with the seal key in it, and gives the log too.
func open(t testing.TB, dir string, options ...Option) (*Vault, *bytes.Buffer, error) {
	t.Helper()
	store, err := OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	var log bytes.Buffer
	v, err := Open(t.Context(), store, filepath.Join(dir, "seal.key"), slog.New(slog.NewTextHandler(&log, nil)), options...)
	if err != nil {
		_ = store.Close()
	}
	return v, &log, err
}

// mustOpen is open without an error, and with a way to close it again.
func mustOpen(t testing.TB, dir string, options ...Option) (v *Vault, release func()) {
	t.Helper()
	v, _, err := open(t, dir, options...)
	if err != nil {
		t.Fatal(err)
	}
	return v, func() {
		if err := v.store.(*Dir).Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestFirstStart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	v, _ := mustOpen(t, dir)
	if got := len(v.ClientStateSecret()); got != 32 {
		t.Errorf("client state secret has %d bytes, want 32", got)
	}
	keys := v.EncryptionKeys()
	if len(keys) != 1 || keys[0].ID != v.Current().ID {
		t.Fatalf("keys are %v, want the current one alone", keys)
	}
	k := keys[0]
	if !regexp.MustCompile(`^pb-\d{4}-\d\d-\d\d-[0-9a-f]{8}$`).MatchString(k.ID) {
		t.Errorf("id is %q", k.ID)
	}
	sum := sha1.Sum(k.Certificate)
	if want := strings.ToUpper(hex.EncodeToString(sum[:])); k.Thumbprint != want {
		t.Errorf("thumbprint is %s, want %s", k.Thumbprint, want)
	}
	certificate, err := x509.ParseCertificate(k.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	if err = certificate.CheckSignature(certificate.SignatureAlgorithm, certificate.RawTBSCertificate, certificate.Signature); err != nil {
		t.Errorf("certificate is not self-signed: %v", err)
	}
	if certificate.NotAfter.Before(k.Created.AddDate(9, 0, 0)) {
		t.Errorf("certificate ends %s", certificate.NotAfter)
	}
	// What Graph does with the certificate, and we with the key.
	public := certificate.PublicKey.(*rsa.PublicKey)
	if public.N.BitLen() != 2048 {
		t.Errorf("key has %d bits, want 2048", public.N.BitLen())
	}
	encrypted, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, public, []byte("data key"), nil)
	if err != nil {
		t.Fatal(err)
	}
	private, ok := v.PrivateKey(k.ID, "")
	if !ok {
		t.Fatal("the key is not found by its id")
	}
	if plain, err := rsa.DecryptOAEP(sha1.New(), nil, private, encrypted, nil); err != nil || string(plain) != "data key" {
		t.Errorf("decrypted %q, %v", plain, err)
	}
}

func TestRestart(t *testing.T) {
	dir := t.TempDir()
	v, release := mustOpen(t, dir)
	want, secret := v.Current(), v.ClientStateSecret()
	release()
	v, _ = mustOpen(t, dir)
	got := v.Current()
	if !got.Private.Equal(want.Private) || !bytes.Equal(got.Certificate, want.Certificate) ||
		got.ID != want.ID || got.Thumbprint != want.Thumbprint || !got.Created.Equal(want.Created) || !got.Retired.IsZero() {
		t.Errorf("after a restart the key is another one: %v, want %v", got, want)
	}
	if !bytes.Equal(v.ClientStateSecret(), secret) {
		t.Error("after a restart the client state secret is another one")
	}
}

func TestPrivateKey(t *testing.T) {
	v, _ := mustOpen(t, t.TempDir())
	k := v.Current()
	tests := []struct {
		name, id, thumbprint string
		want                 bool
	}{
		{"id", k.ID, "", true},
		{"id and thumbprint", k.ID, k.Thumbprint, true},
		{"thumbprint in lower case", k.ID, strings.ToLower(k.Thumbprint), true},
		{"another thumbprint", k.ID, strings.Repeat("0", 40), false},
		{"another id", "pb-2026-01-01-00000000", k.Thumbprint, false},
		{"no id", "", k.Thumbprint, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, ok := v.PrivateKey(test.id, test.thumbprint)
			if ok != test.want || ok != (got != nil) {
				t.Errorf("found %v, want %v", ok, test.want)
			}
		})
	}
}

func TestRotateAndForget(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) { // for the dates alone
		v, release := mustOpen(t, dir)
		defer release()
		first := v.Current()
		time.Sleep(30 * 24 * time.Hour)
		second, err := v.Rotate(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if want := "pb-2000-01-31-"; !strings.HasPrefix(second.ID, want) || v.Current().ID != second.ID {
			t.Errorf("the new key is %s, the current one %s, want %s…", second.ID, v.Current().ID, want)
		}
		keys := v.EncryptionKeys()
		if len(keys) != 2 || keys[1].ID != first.ID || !keys[1].Retired.Equal(time.Now()) || !keys[0].Retired.IsZero() {
			t.Errorf("keys after a rotation are %v, retired %v and %v", keys, keys[0].Retired, keys[1].Retired)
		}
	})
	v, release := mustOpen(t, dir)
	keys := v.EncryptionKeys()
	if len(keys) != 2 || keys[1].Retired.IsZero() {
		t.Fatalf("after a restart the keys are %v", keys)
	}
	for _, k := range keys {
		if _, ok := v.PrivateKey(k.ID, k.Thumbprint); !ok {
			t.Errorf("%s is not found", k)
		}
	}
	if err := v.Forget(t.Context(), keys[0].ID); err == nil {
		t.Error("the current key was forgotten")
	}
	if err := v.Forget(t.Context(), "unknown"); err == nil {
		t.Error("an unknown key was forgotten")
	}
	if err := v.Forget(t.Context(), keys[1].ID); err != nil {
		t.Error(err)
	}
	release()
	v, _ = mustOpen(t, dir)
	if _, ok := v.PrivateKey(keys[1].ID, ""); ok || len(v.EncryptionKeys()) != 1 {
		t.Error("a forgotten key is back after a restart")
	}
}

// A rotation that cannot be stored changes nothing, here and on disk.
func TestRotateNotStored(t *testing.T) {
	dir := t.TempDir()
	v, release := mustOpen(t, dir)
	before := v.Current().ID
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := v.Rotate(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
	if v.Current().ID != before {
		t.Error("a key is current that was not stored")
	}
	release()
	v, _ = mustOpen(t, dir)
	if v.Current().ID != before || len(v.EncryptionKeys()) != 1 {
		t.Error("the stored keys have changed")
	}
}

func TestKeyBits(t *testing.T) {
	v, _ := mustOpen(t, t.TempDir(), KeyBits(3072))
	if got := v.Current().Private.N.BitLen(); got != 3072 {
		t.Errorf("key has %d bits, want 3072", got)
	}
	if _, _, err := open(t, t.TempDir(), KeyBits(1024)); err == nil {
		t.Error("keys of 1024 bits were accepted, which Graph refuses")
	}
}

// Whoever opens first makes the keys; the others take these.
func TestConcurrentFirstStart(t *testing.T) {
	dir := t.TempDir()
	store, err := OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	ids := make([]string, 4)
	var all sync.WaitGroup
	for i := range ids {
		all.Go(func() {
			v, err := Open(t.Context(), store, filepath.Join(dir, "seal.key"), slog.New(slog.DiscardHandler))
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = v.Current().ID
		})
	}
	all.Wait()
	for _, id := range ids {
		if id == "" || id != ids[0] {
			t.Fatalf("the openers have different keys: %v", ids)
		}
	}
}

// Readers see the old keys or the new ones while they are rotated.
func TestReadWhileRotating(t *testing.T) {
	v, _ := mustOpen(t, t.TempDir())
	first := v.Current()
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if _, ok := v.PrivateKey(first.ID, first.Thumbprint); !ok {
					t.Error("the first key is lost")
					return
				}
				if k := v.Current(); k.Private == nil || !k.Retired.IsZero() {
					t.Errorf("%v is current", k)
					return
				}
			}
		})
	}
	for range 2 {
		if _, err := v.Rotate(t.Context()); err != nil {
			t.Error(err)
		}
	}
	close(done)
	readers.Wait()
	if got := len(v.EncryptionKeys()); got != 3 {
		t.Errorf("there are %d keys, want 3", got)
	}
}

// Nothing on disk but the seal key file says a secret, in any encoding.
func TestNothingInTheClear(t *testing.T) {
	dir := t.TempDir()
	v, _, err := open(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = v.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	secrets := [][]byte{v.ClientStateSecret()}
	for _, k := range v.EncryptionKeys() {
		pkcs8, err := x509.MarshalPKCS8PrivateKey(k.Private)
		if err != nil {
			t.Fatal(err)
		}
		secrets = append(secrets, pkcs8, x509.MarshalPKCS1PrivateKey(k.Private), k.Private.D.Bytes(), k.Private.Primes[0].Bytes())
	}
	files := 0
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files++
		data, err := os.ReadFile(path)
		for _, secret := range secrets {
			for _, form := range [][]byte{
				secret, []byte(hex.EncodeToString(secret)), []byte(base64.StdEncoding.EncodeToString(secret)),
			} {
				if bytes.Contains(data, form) {
					t.Errorf("%s holds a secret in the clear", path)
				}
			}
		}
		return err
	})
	if err != nil || files < 3 {
		t.Errorf("searched %d files, want the seal key, the state and the lock: %v", files, err)
	}
	// Sealed by nothing but age: its own tool opens it in an emergency.
	identities, err := age.ParseIdentities(bytes.NewReader(readFile(t, filepath.Join(dir, "seal.key"))))
	if err != nil {
		t.Fatal(err)
	}
	r, err := age.Decrypt(bytes.NewReader(readFile(t, filepath.Join(dir, "sealed", "keys.age"))), identities...)
	if err != nil {
		t.Fatal(err)
	}
	var opened struct{ Version int }
	if err = json.NewDecoder(r).Decode(&opened); err != nil || opened.Version != 1 {
		t.Errorf("the sealed state has version %d, %v", opened.Version, err)
	}
}

// No way of printing a key or what holds it shows the private half.
func TestNoKeyIsPrinted(t *testing.T) {
	v, log, err := open(t, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	k := v.Current()
	logger := slog.New(slog.NewJSONHandler(log, nil))
	logger.Info("key", "key", k, "keys", v.EncryptionKeys())
	data, err := json.Marshal(k)
	if err != nil {
		t.Fatal(err)
	}
	printed := log.String() + string(data)
	type holder struct{ inner EncryptionKey }
	for _, verb := range []string{"%v", "%+v", "%#v"} {
		printed += fmt.Sprintf(verb, k) + fmt.Sprintf(verb, &k) + fmt.Sprintf(verb, v.EncryptionKeys()) + fmt.Sprintf(verb, holder{k}) + fmt.Sprintf(verb, v)
	}
	printed += fmt.Sprintf("%s %q %x %d", k, k, k, k)
	for _, secret := range []string{k.Private.D.String(), k.Private.D.Text(16), k.Private.Primes[0].String(), "AGE-SECRET-KEY"} {
		if strings.Contains(strings.ToUpper(printed), strings.ToUpper(secret)) {
			t.Errorf("a private key is printed: %.2000s", printed)
		}
	}
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// BenchmarkPrivateKey is what the vault adds to one notification.
func BenchmarkPrivateKey(b *testing.B) {
	v, _ := mustOpen(b, b.TempDir())
	k := v.Current()
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := v.PrivateKey(k.ID, k.Thumbprint); !ok {
			b.Fatal("the key is not found")
		}
	}
}
