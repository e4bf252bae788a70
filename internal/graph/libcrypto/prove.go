package libcrypto

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // Graph encrypts with OAEP over SHA-1, there is no choice
	"crypto/sha256"
	"fmt"
	"hash"
)

// Prove compares the library with crypto/rsa over fresh random vectors: texts of
// all kinds of lengths must come back, and whatever crypto/rsa refuses must be
// refused, over and over on the same context. An error means that the library
// must not be used with this key. It takes about 40 operations.
func (d *Decrypter) Prove(private *rsa.PrivateKey) error {
	if d.key(private) == nil {
		return fmt.Errorf("prove libcrypto: it does not take the key of %d bits", private.N.BitLen())
	}
	for range 3 {
		if err := d.proveGood(private); err != nil {
			return fmt.Errorf("prove libcrypto: %w", err)
		}
		if err := d.proveBad(private); err != nil {
			return fmt.Errorf("prove libcrypto: %w", err)
		}
	}
	return nil
}

func (d *Decrypter) proveGood(private *rsa.PrivateKey) error {
	most := private.Size() - 2*sha1.Size - 2
	for _, n := range []int{32, 0, 1, 16, most} {
		text := random(n)
		sealed, err := seal(sha1.New(), private, text, nil)
		if err != nil {
			return err
		}
		plain, err := d.Decrypt(private, sealed)
		if err != nil || !bytes.Equal(plain, text) {
			return fmt.Errorf("a text of %d bytes did not come back", n)
		}
	}
	return nil
}

func (d *Decrypter) proveBad(private *rsa.PrivateKey) error {
	text, size := random(32), private.Size()
	good, err := seal(sha1.New(), private, text, nil)
	if err != nil {
		return err
	}
	otherHash, err := seal(sha256.New(), private, text, nil)
	if err != nil {
		return err
	}
	labelled, err := seal(sha1.New(), private, text, []byte("label"))
	if err != nil {
		return err
	}
	changed := bytes.Clone(good)
	changed[size-1] ^= 1
	for name, bad := range map[string][]byte{
		"a changed text":               changed,
		"another hash":                 otherHash,
		"a label":                      labelled,
		"random bytes":                 append([]byte{0}, random(size-1)...),
		"zeros":                        make([]byte, size),
		"a number above the modulus":   bytes.Repeat([]byte{0xff}, size),
		"nothing":                      nil,
		"a text that is too short":     good[:size-1],
		"a text that is too long":      append(bytes.Clone(good), 0),
		"a text with a zero before it": append([]byte{0}, good...),
	} {
		if _, err := d.Decrypt(private, bad); err == nil {
			return fmt.Errorf("%s was not refused", name)
		}
	}
	// A refusal must not spoil the context for the next one.
	if plain, err := d.Decrypt(private, good); err != nil || !bytes.Equal(plain, text) {
		return fmt.Errorf("a good text was refused after bad ones")
	}
	return nil
}

func seal(h hash.Hash, private *rsa.PrivateKey, text, label []byte) ([]byte, error) {
	sealed, err := rsa.EncryptOAEP(h, rand.Reader, &private.PublicKey, text, label)
	if err != nil {
		return nil, fmt.Errorf("encrypt %d bytes: %w", len(text), err)
	}
	return sealed, nil
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails, see crypto/rand
	return b
}
