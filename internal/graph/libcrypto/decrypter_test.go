//go:build linux && (amd64 || arm64) && !static

package libcrypto

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"errors"
	"runtime"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

func library(tb testing.TB) *Library {
	tb.Helper()
	l, err := Open()
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

func newDecrypter(tb testing.TB, slots int) *Decrypter {
	tb.Helper()
	d := library(tb).NewDecrypter(slots)
	tb.Cleanup(d.Close)
	return d
}

func newKey(tb testing.TB, bits int) *rsa.PrivateKey {
	tb.Helper()
	private, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		tb.Fatal(err)
	}
	return private
}

// sealed gives a text and what Graph would make of it.
func sealed(tb testing.TB, private *rsa.PrivateKey) (text, ciphertext []byte) {
	tb.Helper()
	text = random(32)
	ciphertext, err := seal(sha1.New(), private, text, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return text, ciphertext
}

func TestDecrypterProvesItself(t *testing.T) {
	for _, bits := range []int{2048, 3072, 4096} {
		if err := newDecrypter(t, 2).Prove(newKey(t, bits)); err != nil {
			t.Errorf("%d bits: %v", bits, err)
		}
	}
}

// Whatever comes, the library and crypto/rsa agree.
func TestDecrypterAgreesWithGo(t *testing.T) {
	d, private := newDecrypter(t, 1), newKey(t, 2048)
	_, good := sealed(t, private)
	rapid.Check(t, func(t *rapid.T) {
		text := bytes.Clone(good)
		switch rapid.IntRange(0, 2).Draw(t, "kind") {
		case 0:
			for range rapid.IntRange(0, 3).Draw(t, "bits") {
				text[rapid.IntRange(0, len(text)-1).Draw(t, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
			}
		case 1:
			text = rapid.SliceOfN(rapid.Byte(), 0, 2*len(good)).Draw(t, "bytes")
		case 2:
			text = anyText(t, private)
		}
		got, err := d.Decrypt(private, text)
		want, wantErr := rsa.DecryptOAEP(sha1.New(), nil, private, text, nil)
		if !bytes.Equal(got, want) || (err == nil) != (wantErr == nil) {
			t.Fatalf("libcrypto %x, %v; crypto/rsa %x, %v", got, err, want, wantErr)
		}
	})
}

// anyText is a good cipher text, of a text of any length.
func anyText(t *rapid.T, private *rsa.PrivateKey) []byte {
	text := rapid.SliceOfN(rapid.Byte(), 0, private.Size()-2*sha1.Size-2).Draw(t, "text")
	ciphertext, err := seal(sha1.New(), private, text, nil)
	if err != nil {
		t.Fatal(err)
	}
	return ciphertext
}

// More callers than slots, several keys, good and bad texts.
func TestDecrypterIsSharedByMany(t *testing.T) {
	d := newDecrypter(t, 2)
	keys := []*rsa.PrivateKey{newKey(t, 2048), newKey(t, 2048)}
	var wg sync.WaitGroup
	for n := range 8 {
		private := keys[n%len(keys)]
		text, good := sealed(t, private)
		_, bad := sealed(t, keys[(n+1)%len(keys)])
		wg.Go(func() {
			for range 20 {
				if plain, err := d.Decrypt(private, good); err != nil || !bytes.Equal(plain, text) {
					t.Errorf("%x, %v", plain, err)
				}
				if plain, err := d.Decrypt(private, bad); !errors.Is(err, errDecrypt) || plain != nil {
					t.Errorf("for another key: %x, %v", plain, err)
				}
			}
		})
	}
	wg.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, k := range d.keys {
		if len(k.contexts) != 2 {
			t.Errorf("%d contexts for 2 slots", len(k.contexts))
		}
	}
}

func TestDecrypterClearsItsBuffers(t *testing.T) {
	d, private := newDecrypter(t, 1), newKey(t, 2048)
	text, good := sealed(t, private)
	if plain, err := d.Decrypt(private, good); err != nil || !bytes.Equal(plain, text) {
		t.Fatalf("%x, %v", plain, err)
	}
	if s := <-d.slots; s.out != [maxBytes]byte{} {
		t.Errorf("left behind: %x", s.out)
	} else {
		d.slots <- s
	}
}

func TestDecrypterFallsBackToGo(t *testing.T) {
	d, private := newDecrypter(t, 1), newKey(t, 2048)
	works := func(why string, private *rsa.PrivateKey) {
		t.Helper()
		text, good := sealed(t, private)
		if plain, err := d.Decrypt(private, good); err != nil || !bytes.Equal(plain, text) {
			t.Errorf("%s: %x, %v", why, plain, err)
		}
		good[9] ^= 1
		if _, err := d.Decrypt(private, good); !errors.Is(err, errDecrypt) {
			t.Errorf("%s: a changed text gives %v", why, err)
		}
	}
	unusual := &rsa.PrivateKey{PublicKey: private.PublicKey, D: private.D, Primes: private.Primes}
	works("not precomputed", unusual)
	if err := d.Prove(unusual); err == nil {
		t.Error("proved with a key that it does not take")
	}
	works("usual", private)
	many := make([]*rsa.PrivateKey, maxKeys)
	for i := range many {
		many[i] = new(*private)
		works("one of many", many[i])
	}
	if len(d.keys) > maxKeys {
		t.Errorf("%d keys in the library", len(d.keys))
	}
	runtime.KeepAlive(many)
	d.Close()
	works("closed", private)
	if len(d.keys) != 0 {
		t.Errorf("%d keys after Close", len(d.keys))
	}
}

// A key that the vault let go leaves the library too.
func TestDecrypterLetsKeysGo(t *testing.T) {
	d, kept := newDecrypter(t, 1), newKey(t, 2048)
	freed := make(chan uintptr, 1)
	l := *d.lib
	l.keyFree = func(pkey uintptr) { d.lib.keyFree(pkey); freed <- pkey }
	watched := l.NewDecrypter(1)
	use := func(private *rsa.PrivateKey) uintptr {
		text, good := sealed(t, private)
		if plain, err := watched.Decrypt(private, good); err != nil || !bytes.Equal(plain, text) {
			t.Fatalf("%x, %v", plain, err)
		}
		return watched.key(private).pkey
	}
	use(kept)
	gone := use(newKey(t, 2048))
	for len(freed) == 0 {
		runtime.GC()
	}
	if pkey := <-freed; pkey != gone {
		t.Error("the wrong key was freed")
	}
	use(kept)
	watched.Close()
	if len(freed) != 1 {
		t.Error("Close did not free the other key")
	}
}

// A library that is wrong in any way is found out.
func TestProveFindsWrongLibraries(t *testing.T) {
	private := newKey(t, 2048)
	right := library(t)
	for name, spoil := range map[string]func(l *Library){
		"refuses everything": func(l *Library) {
			l.decrypt = func(uintptr, *byte, *uint, *byte, uint) int32 { return 0 }
		},
		"accepts everything": func(l *Library) {
			l.decrypt = func(ctx uintptr, out *byte, n *uint, in *byte, inLen uint) int32 {
				if right.decrypt(ctx, out, n, in, inLen) != 1 {
					*n = 32
				}
				return 1
			}
		},
		"wrong text": func(l *Library) {
			l.decrypt = func(ctx uintptr, out *byte, n *uint, in *byte, inLen uint) int32 {
				code := right.decrypt(ctx, out, n, in, inLen)
				*out ^= 1
				return code
			}
		},
		"impossible length": func(l *Library) {
			l.decrypt = func(_ uintptr, _ *byte, n *uint, _ *byte, _ uint) int32 { *n = maxBytes + 1; return 1 }
		},
		"another digest": func(l *Library) {
			l.setDigest = func(ctx uintptr, _ string, p uintptr) int32 { return right.setDigest(ctx, "SHA256", p) }
		},
		"another padding": func(l *Library) { l.setPadding = func(ctx uintptr, _ int32) int32 { return right.setPadding(ctx, 1) } },
		"no keys":         func(l *Library) { l.fromData = func(uintptr, *uintptr, int32, *parameter) int32 { return -2 } },
		"no RSA":          func(l *Library) { l.fromName = func(uintptr, string, uintptr) uintptr { return 0 } },
	} {
		l := *right
		spoil(&l)
		d := l.NewDecrypter(1)
		if err := d.Prove(private); err == nil {
			t.Errorf("%s: proved", name)
		}
		d.Close()
	}
}

func FuzzDecrypt(f *testing.F) {
	d, private := newDecrypter(f, 1), newKey(f, 2048)
	_, good := sealed(f, private)
	f.Add(good)
	f.Add(make([]byte, 256))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := d.Decrypt(private, text)
		want, wantErr := slow(private, text)
		if !bytes.Equal(got, want) || (err == nil) != (wantErr == nil) {
			t.Errorf("libcrypto %x, %v; crypto/rsa %x, %v", got, err, want, wantErr)
		}
	})
}

func BenchmarkDecrypt(b *testing.B) {
	d, private := newDecrypter(b, 1), newKey(b, 2048)
	_, good := sealed(b, private)
	for name, decrypt := range map[string]func(*rsa.PrivateKey, []byte) ([]byte, error){"libcrypto": d.Decrypt, "go": slow} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := decrypt(private, good); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
