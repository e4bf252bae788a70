package libcrypto

import (
	"crypto/rsa"
	"errors"
	"math/big"
	"runtime"
	"slices"
)

// parameter is an OSSL_PARAM: one fact about a key. Source: openssl/core.h.
type parameter struct {
	name *byte // ends with a zero; nil ends the list
	kind uint32
	data *byte
	size uintptr
	_    uintptr // the size returned, for queries
}

// key is a private key in the library, with one context for each slot that used
// it. Only the holder of a slot touches that slot's context.
type key struct {
	pkey     uintptr
	contexts []uintptr
}

// load copies a private key into the library. Keys of more than two primes and
// keys that are not precomputed are an error.
func (l *Library) load(private *rsa.PrivateKey, slots int) (*key, error) {
	if len(private.Primes) != 2 || private.Precomputed.Dp == nil || private.Size() > maxBytes {
		return nil, errors.New("load RSA key: not a key of two primes of up to 4096 bits")
	}
	facts := [...]struct {
		name  string
		value *big.Int
	}{
		{"n\x00", private.N},
		{"e\x00", big.NewInt(int64(private.E))},
		{"d\x00", private.D},
		{"rsa-factor1\x00", private.Primes[0]},
		{"rsa-factor2\x00", private.Primes[1]},
		{"rsa-exponent1\x00", private.Precomputed.Dp},
		{"rsa-exponent2\x00", private.Precomputed.Dq},
		{"rsa-coefficient1\x00", private.Precomputed.Qinv},
	}
	// The library copies what it is given; it sees our memory during the call only.
	var pins runtime.Pinner
	defer pins.Unpin()
	params := make([]parameter, 0, len(facts)+1)
	for _, fact := range facts {
		name, value := []byte(fact.name), make([]byte, private.Size())
		defer clear(value)
		fact.value.FillBytes(value)
		slices.Reverse(value) // integers are in the machine's order, little-endian
		pins.Pin(&name[0])
		pins.Pin(&value[0])
		params = append(params, parameter{name: &name[0], kind: unsigned, data: &value[0], size: uintptr(len(value))})
	}
	params = append(params, parameter{})

	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer l.clearErrors()
	ctx := l.fromName(0, "RSA", 0)
	if ctx == 0 {
		return nil, errors.New("load RSA key: libcrypto does not know RSA")
	}
	defer l.ctxFree(ctx)
	k := &key{contexts: make([]uintptr, slots)}
	if l.fromDataInit(ctx) != 1 || l.fromData(ctx, &k.pkey, selectKeyPair, &params[0]) != 1 {
		return nil, errors.New("load RSA key: libcrypto refused it")
	}
	return k, nil
}

// context gives the slot's context, made when it is first needed; 0 when the
// library cannot make one.
func (l *Library) context(k *key, slot int) uintptr {
	if k.contexts[slot] != 0 {
		return k.contexts[slot]
	}
	ctx := l.fromKey(0, k.pkey, 0)
	if ctx == 0 {
		return 0
	}
	if l.decryptInit(ctx) != 1 || l.setPadding(ctx, paddingOAEP) != 1 ||
		l.setDigest(ctx, "SHA1", 0) != 1 || l.setMGFDigest(ctx, "SHA1", 0) != 1 {
		l.ctxFree(ctx)
		return 0
	}
	k.contexts[slot] = ctx
	return ctx
}

// free wipes the key and everything made of it.
func (l *Library) free(k *key) {
	for _, ctx := range k.contexts {
		if ctx != 0 {
			l.ctxFree(ctx)
		}
	}
	l.keyFree(k.pkey)
}
