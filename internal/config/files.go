package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
)

// checkFiles finds every named file that cannot be read. The names of secret
// files are not repeated: a secret is easily written where its file belongs.
func (r *reader) checkFiles(c *Config) { r.checkFilesIn("", reflect.ValueOf(*c)) }

func (r *reader) checkFilesIn(path string, v reflect.Value) {
	for _, k := range keysOf(v.Type()) {
		f, at := v.Field(k.index), join(path, k.name)
		switch {
		case isGroup(f.Type()):
			r.checkFilesIn(at, f)
		case f.Kind() == reflect.Slice && isGroup(f.Type().Elem()):
			for i := range f.Len() {
				r.checkFilesIn(fmt.Sprintf("%s[%d]", at, i), f.Index(i))
			}
		case f.Type() == secretType:
			if secret := f.Interface().(Secret); k.path && secret.File() != "" {
				_, err := secret.ReadBytes()
				r.unreadable(at, "the file", err)
			}
		case v.Type().Field(k.index).Tag.Get("is") == "file" && f.String() != "":
			pem, err := readFile(f.String())
			r.unreadable(at, shown(f.String()), err)
			if err == nil && k.name == "ca_file" && !x509.NewCertPool().AppendCertsFromPEM(pem) {
				r.wrong(at, shown(f.String())+" holds no certificate in PEM form", "name a file with the root certificates, each between its BEGIN and END lines")
			}
		}
	}
}

// unreadable reports why a file cannot be read, if it cannot.
func (r *reader) unreadable(path, name string, err error) {
	const right = "relative names count from the directory of the configuration file"
	switch {
	case err == nil:
	case errors.Is(err, fs.ErrNotExist):
		r.wrong(path, name+" does not exist", right)
	case errors.Is(err, fs.ErrPermission):
		r.wrong(path, name+" may not be read", fmt.Sprintf("let user %d read it", os.Getuid()))
	case errors.Is(err, errEmpty):
		r.wrong(path, name+" is empty", "write the secret into it")
	case errors.Is(err, errTooLarge):
		r.wrong(path, name+" is too large", "it must be the wrong file")
	case errors.Is(err, errNotRegular):
		r.wrong(path, name+" is not a regular file", "name a file that can be read again at any time")
	default:
		r.wrong(path, name+" cannot be read", right)
	}
}

// pair checks that a certificate and a private key fit. Both or neither must
// be named.
func (r *reader) pair(path, certFile, keyFile string) {
	certKey, keyKey := path+".cert_file", path+".key_file"
	switch {
	case certFile == "" && keyFile == "":
	case certFile == "":
		r.wrong(certKey, "is missing beside key_file", "name both or neither")
	case keyFile == "":
		r.wrong(keyKey, "is missing beside cert_file", "name both or neither")
	case r.isWrong(certKey) || r.isWrong(keyKey):
	default:
		if _, err := tls.LoadX509KeyPair(certFile, keyFile); err != nil {
			r.wrong(keyKey, "does not fit cert_file: "+err.Error(), "both must be PEM, the server's own certificate first")
		}
	}
}
