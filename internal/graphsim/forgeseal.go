package graphsim

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"hash"
)

// sealWith is seal with a choice of key, hash and ciphertext, for forgeries.
func sealWith(t *terms, pub *rsa.PublicKey, h hash.Hash, key, data []byte) *sealed {
	wrapped := must(rsa.EncryptOAEP(h, rand.Reader, pub, key, nil))
	return &sealed{Data: data, Signature: sign(key, data), Key: wrapped, CertID: t.certID, Thumbprint: t.thumbprint()}
}

func freshKey(n int) []byte {
	key := make([]byte, n)
	rand.Read(key)
	return key
}

func recipient(c *x509.Certificate) *rsa.PublicKey { return c.PublicKey.(*rsa.PublicKey) }

// sealForStranger encrypts the key for somebody else.
func sealForStranger(s *Simulator, t *terms, plain []byte) *sealed {
	key := freshKey(32)
	return sealWith(t, &s.keys.strangerKey().PublicKey, sha1.New(), key, must(encryptCBC(key, plain)))
}

// sealSHA256 uses the hash that one might expect and Graph does not use.
func sealSHA256(_ *Simulator, t *terms, plain []byte) *sealed {
	key := freshKey(32)
	return sealWith(t, recipient(t.cert), sha256.New(), key, must(encryptCBC(key, plain)))
}

// sealShortKey uses AES-128.
func sealShortKey(_ *Simulator, t *terms, plain []byte) *sealed {
	key := freshKey(16)
	return sealWith(t, recipient(t.cert), sha1.New(), key, must(encryptCBC(key, plain)))
}

// sealBadPadding ends in a padding that is none, correctly signed.
func sealBadPadding(_ *Simulator, t *terms, plain []byte) *sealed {
	key := freshKey(32)
	data := append(bytes.Clone(plain), make([]byte, aes.BlockSize-len(plain)%aes.BlockSize)...)
	data[len(data)-1] = aes.BlockSize + 1
	cipher.NewCBCEncrypter(must(aes.NewCipher(key)), key[:aes.BlockSize]).CryptBlocks(data, data)
	return sealWith(t, recipient(t.cert), sha1.New(), key, data)
}

// sealOtherPerson puts a presence inside that is not of the person named outside.
func sealOtherPerson(s *Simulator, t *terms, _ []byte) *sealed {
	n := notification{user: s.ids.guid(), state: state{"DoNotDisturb", "UrgentInterruptionsOnly", 1}}
	return must(seal(t.cert, t.certID, n.plain(&Faults{})))
}
