package app

import (
	"crypto/rsa"
	"fmt"
	"log/slog"
	"runtime"

	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/graph/libcrypto"
	"jtel.de/presencebridge/internal/graph/notification"
)

// openDecrypt chooses who does the RSA operation. The library must prove
// itself with the key that is in use before it is trusted. Close wipes the keys
// that were copied.
func openDecrypt(mode string, key *rsa.PrivateKey, log *slog.Logger) (decrypt notification.DecryptFunc, closeDecrypt func(), err error) {
	if mode != config.RSAGo {
		d, version, err := openLibcrypto(key)
		switch {
		case err == nil:
			log.Info("rsa by libcrypto", "version", version)
			return d.Decrypt, d.Close, nil
		case mode == config.RSALibcrypto:
			return nil, nil, fmt.Errorf("rsa: libcrypto cannot be used: %w; install OpenSSL 3 (the package libssl3), or set rsa: auto", err)
		}
		log.Info("rsa by go, which takes more processor time", "reason", err)
	} else {
		log.Info("rsa by go")
	}
	return notification.DecryptOAEP, func() {}, nil
}

func openLibcrypto(key *rsa.PrivateKey) (*libcrypto.Decrypter, string, error) {
	l, err := libcrypto.Open()
	if err != nil {
		return nil, "", err
	}
	d := l.NewDecrypter(runtime.GOMAXPROCS(0))
	if err := d.Prove(key); err != nil {
		d.Close()
		return nil, "", err
	}
	return d, l.Version(), nil
}
