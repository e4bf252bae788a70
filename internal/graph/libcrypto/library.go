package libcrypto

import "errors"

// ErrUnavailable means that there is no libcrypto 3 that this process could use.
var ErrUnavailable = errors.New("libcrypto 3 is not available")

// errDecrypt is the one error of the operation, whatever the cause, as in
// crypto/rsa.
var errDecrypt = errors.New("RSA decryption failed")

// Constants of OpenSSL 3, stable since 3.0.0. Source: openssl/rsa.h,
// openssl/evp.h, openssl/core.h.
const (
	paddingOAEP   = 4    // RSA_PKCS1_OAEP_PADDING
	selectKeyPair = 0x87 // EVP_PKEY_KEYPAIR
	unsigned      = 2    // OSSL_PARAM_UNSIGNED_INTEGER
	versionText   = 0    // OPENSSL_VERSION
)

// Library is libcrypto in this process, the functions that are used of it. It
// cannot be unloaded again: OpenSSL does not support that.
type Library struct {
	versionMajor func() uint32
	version      func(what int32) string
	clearErrors  func()

	fromName     func(libctx uintptr, name string, properties uintptr) (ctx uintptr)
	fromDataInit func(ctx uintptr) int32
	fromData     func(ctx uintptr, key *uintptr, selection int32, params *parameter) int32
	keyFree      func(key uintptr)

	fromKey      func(libctx, key, properties uintptr) (ctx uintptr)
	ctxFree      func(ctx uintptr)
	decryptInit  func(ctx uintptr) int32
	setPadding   func(ctx uintptr, padding int32) int32
	setDigest    func(ctx uintptr, name string, properties uintptr) int32
	setMGFDigest func(ctx uintptr, name string, properties uintptr) int32
	decrypt      func(ctx uintptr, out *byte, outLen *uint, in *byte, inLen uint) int32
}

// functions are the names in the library of the members.
func (l *Library) functions() map[string]any {
	return map[string]any{
		"OPENSSL_version_major":             &l.versionMajor,
		"OpenSSL_version":                   &l.version,
		"ERR_clear_error":                   &l.clearErrors,
		"EVP_PKEY_CTX_new_from_name":        &l.fromName,
		"EVP_PKEY_fromdata_init":            &l.fromDataInit,
		"EVP_PKEY_fromdata":                 &l.fromData,
		"EVP_PKEY_free":                     &l.keyFree,
		"EVP_PKEY_CTX_new_from_pkey":        &l.fromKey,
		"EVP_PKEY_CTX_free":                 &l.ctxFree,
		"EVP_PKEY_decrypt_init":             &l.decryptInit,
		"EVP_PKEY_CTX_set_rsa_padding":      &l.setPadding,
		"EVP_PKEY_CTX_set_rsa_oaep_md_name": &l.setDigest,
		"EVP_PKEY_CTX_set_rsa_mgf1_md_name": &l.setMGFDigest,
		"EVP_PKEY_decrypt":                  &l.decrypt,
	}
}

// Version is what the library calls itself, "OpenSSL 3.0.19 27 Jan 2026".
func (l *Library) Version() string { return l.version(versionText) }
