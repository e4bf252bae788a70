package graphsim

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
)

// seal encrypts a resource as Graph does (contract, §4.1): a fresh 32-byte key,
// itself under RSA-OAEP with SHA-1; AES-256-CBC with the key's first 16 bytes as
// the initial vector; HMAC-SHA256 with the same key over the ciphertext.
func seal(cert *x509.Certificate, certID string, plain []byte) (*sealed, error) {
	pub, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("seal notification: key of certificate %s is not RSA", certID)
	}
	key := make([]byte, 32)
	rand.Read(key)
	wrapped, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, pub, key, nil)
	if err != nil {
		return nil, fmt.Errorf("seal notification: %w", err)
	}
	data, err := encryptCBC(key, plain)
	if err != nil {
		return nil, err
	}
	t := terms{cert: cert}
	return &sealed{Data: data, Signature: sign(key, data), Key: wrapped, CertID: certID, Thumbprint: t.thumbprint()}, nil
}

func encryptCBC(key, plain []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("seal notification: %w", err)
	}
	pad := aes.BlockSize - len(plain)%aes.BlockSize
	data := make([]byte, len(plain)+pad)
	copy(data, plain)
	for i := len(plain); i < len(data); i++ {
		data[i] = byte(pad)
	}
	cipher.NewCBCEncrypter(block, key[:aes.BlockSize]).CryptBlocks(data, data)
	return data, nil
}

func sign(key, data []byte) []byte {
	m := hmac.New(sha256.New, key)
	m.Write(data)
	return m.Sum(nil)
}
