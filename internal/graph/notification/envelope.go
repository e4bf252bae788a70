package notification

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // Graph encrypts with OAEP over SHA-1, there is no choice
	"crypto/sha256"
	"errors"
)

// errContent is the one error of decrypting, whatever the cause: a sender
// learns nothing from us about padding or keys.
var errContent = errors.New("encrypted content refused")

// DecryptFunc undoes RSA-OAEP with SHA-1, MGF1-SHA-1 and an empty label. It is
// all but the whole cost of a rich item, hence replaceable: graph/libcrypto has
// another one. The caller clears what it gives.
type DecryptFunc func(key *rsa.PrivateKey, ciphertext []byte) ([]byte, error)

// DecryptOAEP is the [DecryptFunc] of the standard library.
func DecryptOAEP(key *rsa.PrivateKey, ciphertext []byte) ([]byte, error) {
	if len(ciphertext) != key.Size() { // RFC 8017, 7.1.2, which crypto/rsa is laxer about
		return nil, rsa.ErrDecryption
	}
	return rsa.DecryptOAEP(sha1.New(), nil, key, ciphertext, nil)
}

// Open decrypts the content in place: afterwards e.Data is of no more use. The
// signature is checked before anything is decrypted.
//
//	dataKey        RSA-OAEP(SHA-1) of a symmetric key of 32 bytes
//	dataSignature  HMAC-SHA256 over the bytes of data, under that key
//	data           AES-256-CBC, PKCS#7, IV = the key's first 16 bytes
//
// Source: Graph, "change notifications that include resource data".
func (e *Envelope) Open(private *rsa.PrivateKey, decrypt DecryptFunc) ([]byte, error) {
	key, err := decrypt(private, e.Key)
	defer clear(key)
	if err != nil || len(key) != 32 {
		return nil, errContent
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(e.Data)
	if !hmac.Equal(mac.Sum(nil), e.Signature) {
		return nil, errContent
	}
	if len(e.Data) == 0 || len(e.Data)%aes.BlockSize != 0 {
		return nil, errContent
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, errContent
	}
	cipher.NewCBCDecrypter(block, key[:aes.BlockSize]).CryptBlocks(e.Data, e.Data)
	return unpad(e.Data)
}

// unpad checks every byte of the PKCS#7 padding.
func unpad(plain []byte) ([]byte, error) {
	n := int(plain[len(plain)-1])
	if n == 0 || n > aes.BlockSize {
		return nil, errContent
	}
	for _, b := range plain[len(plain)-n:] {
		if int(b) != n {
			return nil, errContent
		}
	}
	return plain[:len(plain)-n], nil
}
