// Package libcrypto does the RSA private-key operation of encrypted
// notifications with OpenSSL's libcrypto 3, two to three times as fast as
// crypto/rsa. The library is opened at run time and needs no cgo; where it is
// absent, [Open] says so and crypto/rsa does the work.
//
// It is not a binding of OpenSSL: it knows RSA-OAEP over SHA-1 and nothing else.
// internal/app opens it, lets it prove itself ([Decrypter.Prove]) and hands
// [Decrypter.Decrypt] to graph/notification.
//
// # Threads
//
// Contexts of OpenSSL (EVP_PKEY_CTX) are not safe for concurrent use, but any
// thread may use them: each belongs to a slot, and one goroutine holds a slot at
// a time. OpenSSL's error queue belongs to the thread, and a goroutine may wake up
// on another one after a call. It is cleared after each failure, which nearly
// always finds the entry. Locking the thread would find it always, but cost every
// operation two more switches of threads, a few per cent of its time, while an
// entry left behind does no harm: the queue is a ring of 16, holds fixed texts and
// no key material, and neither we nor the functions that we call read it.
//
// # Memory
//
// OpenSSL wipes what it frees (EVP_PKEY_free, and its own buffers); the buffers
// of this package, through which keys and plain texts pass, are cleared after
// each use. The caller of Decrypt clears what it was given.
//
// # Builds
//
// A binary with this package is linked to glibc, cgo or not. With the build tag
// "static" it is left out: Open then always fails, and CGO_ENABLED=0 gives a
// static binary that runs anywhere.
package libcrypto
