package setup

import (
	"crypto/rand"
	"math/big"
	"strings"
)

// The characters of a password. Every one works with the service; these are
// also easy to copy, and none is taken for another.
const (
	lower   = "abcdefghijkmnopqrstuvwxyz"
	upper   = "ABCDEFGHJKLMNPQRSTUVWXYZ"
	digits  = "23456789"
	symbols = "!#%+-.:=?@_~"
)

const passwordLength = 32 // far more than 128 bits

// newPassword is random, and has each kind of character, as Entra ID wants it.
func newPassword() string {
	for {
		var b strings.Builder
		for range passwordLength {
			b.WriteByte(pick(lower + upper + digits + symbols))
		}
		p := b.String()
		if strings.ContainsAny(p, lower) && strings.ContainsAny(p, upper) && strings.ContainsAny(p, digits) && strings.ContainsAny(p[1:len(p)-1], symbols) {
			return p
		}
	}
}

func pick(from string) byte {
	n, err := rand.Int(rand.Reader, big.NewInt(int64(len(from))))
	if err != nil {
		panic(err) // never: see crypto/rand
	}
	return from[n.Int64()]
}
