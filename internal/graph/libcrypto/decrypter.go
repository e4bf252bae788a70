package libcrypto

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // Graph encrypts with OAEP over SHA-1, there is no choice
	"runtime"
	"sync"
	"weak"
)

const (
	maxBytes = 512 // of a modulus: 4096 bits, the most that Graph takes
	maxKeys  = 16  // in the library; operations with more keys are done by crypto/rsa
)

// Decrypter undoes RSA-OAEP with SHA-1, MGF1-SHA-1 and an empty label. It may
// be used by many at once; at most as many as it has slots work at a time.
//
// A key is copied into the library when it is first used and wiped there after
// the last reference to it is gone, at the next garbage collection, or by Close.
type Decrypter struct {
	lib   *Library
	slots chan *slot // the idle ones

	mu     sync.Mutex
	keys   map[weak.Pointer[rsa.PrivateKey]]*key
	closed bool
}

// slot is what one operation at a time needs for itself.
type slot struct {
	number  int
	in, out [maxBytes]byte
	length  uint
}

// NewDecrypter makes a decrypter of that many slots, at least one. The caller
// closes it.
func (l *Library) NewDecrypter(slots int) *Decrypter {
	d := &Decrypter{lib: l, slots: make(chan *slot, max(slots, 1)), keys: map[weak.Pointer[rsa.PrivateKey]]*key{}}
	for n := range cap(d.slots) {
		d.slots <- &slot{number: n}
	}
	return d
}

// Decrypt gives the plain text, which the caller should clear after use. All
// failures are one error. What the library cannot do at all (an unusual key, too
// many keys, closed) is done by crypto/rsa.
func (d *Decrypter) Decrypt(private *rsa.PrivateKey, ciphertext []byte) ([]byte, error) {
	// Shorter ones are refused by RFC 8017, 7.1.2, too. OpenSSL would take them.
	if len(ciphertext) != private.Size() {
		return nil, errDecrypt
	}
	s := <-d.slots
	defer func() { d.slots <- s }()
	k := d.key(private)
	if k == nil {
		return slow(private, ciphertext)
	}
	// A key that is referred to is not freed; see drop.
	defer runtime.KeepAlive(private)

	ctx := d.lib.context(k, s.number)
	if ctx == 0 {
		return slow(private, ciphertext)
	}
	defer clear(s.out[:])
	n := copy(s.in[:], ciphertext)
	s.length = maxBytes
	if d.lib.decrypt(ctx, &s.out[0], &s.length, &s.in[0], uint(n)) != 1 || s.length > maxBytes {
		d.lib.clearErrors() // see the package's comment
		return nil, errDecrypt
	}
	return bytes.Clone(s.out[:s.length]), nil
}

// slow is the standard library, for what libcrypto cannot do.
func slow(private *rsa.PrivateKey, ciphertext []byte) ([]byte, error) {
	plain, err := rsa.DecryptOAEP(sha1.New(), nil, private, ciphertext, nil)
	if err != nil {
		return nil, errDecrypt
	}
	return plain, nil
}

// key gives the library's copy of a private key; nil when it can have none. The
// caller holds a slot.
func (d *Decrypter) key(private *rsa.PrivateKey) *key {
	d.mu.Lock()
	defer d.mu.Unlock()
	id := weak.Make(private)
	k, known := d.keys[id]
	if known || d.closed || len(d.keys) >= maxKeys {
		return k
	}
	k, err := d.lib.load(private, cap(d.slots))
	if err != nil {
		k = nil // remembered, so that it is not tried every time
	}
	d.keys[id] = k
	runtime.AddCleanup(private, d.drop, id)
	return k
}

// drop frees the copy of a key that nobody refers to any more, so nobody uses
// it either.
func (d *Decrypter) drop(id weak.Pointer[rsa.PrivateKey]) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if k := d.keys[id]; k != nil {
		d.lib.free(k)
	}
	delete(d.keys, id)
}

// Close waits for operations under way and wipes all keys. Decrypt goes on
// working, without the library. Close may be called again.
func (d *Decrypter) Close() {
	held := make([]*slot, cap(d.slots))
	for i := range held {
		held[i] = <-d.slots
	}
	d.mu.Lock()
	d.closed = true
	for id, k := range d.keys {
		if k != nil {
			d.lib.free(k)
		}
		delete(d.keys, id)
	}
	d.mu.Unlock()
	for _, s := range held {
		d.slots <- s
	}
}
