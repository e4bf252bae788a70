package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"
)

// maxSecret is the largest secret file that is read, in bytes. A PFX with a
// full chain is well below it.
const maxSecret = 1 << 20

// hidden stands wherever a secret would be printed.
const hidden = "[hidden]"

// Secret is a value that must never be printed, or the file that holds it.
// Every way of formatting one gives a placeholder. The zero Secret is not set.
type Secret struct {
	// Package fmt calls no method on unexported fields, so a Secret in somebody's
	// struct is printed by reflection, which follows one pointer, but never two.
	source **source
}

type source struct {
	value string
	file  string
}

func newSecret(s source) Secret {
	p := &s
	return Secret{&p}
}

// NewSecret is a secret given by its value.
func NewSecret(value string) Secret { return newSecret(source{value: value}) }

// SecretFile is a secret in a file, read again by every Read.
func SecretFile(path string) Secret { return newSecret(source{file: path}) }

// IsSet reports whether a value or a file was named.
func (s Secret) IsSet() bool { return s.source != nil }

// File is the path of the file that holds the secret, empty if there is none.
func (s Secret) File() string {
	if s.source == nil {
		return ""
	}
	return (*s.source).file
}

// Read gives the secret. A file is read anew each time, so that a replaced
// secret is found without a restart; line ends at its end are dropped. An
// unset secret, a missing file and an empty one are errors.
func (s Secret) Read() (string, error) {
	data, err := s.ReadBytes()
	if err != nil {
		return "", err
	}
	if s.File() == "" {
		return string(data), nil
	}
	return strings.TrimRight(string(data), "\r\n"), nil
}

// ReadBytes is Read for binary secrets: nothing is dropped.
func (s Secret) ReadBytes() ([]byte, error) {
	if s.source == nil {
		return nil, errors.New("read secret: none is configured")
	}
	if s.File() == "" {
		value := (*s.source).value
		if strings.TrimSpace(value) == "" {
			return nil, errors.New("read secret: the value is blank")
		}
		return []byte(value), nil
	}
	data, err := readFile(s.File())
	if err == nil && len(bytes.TrimSpace(data)) == 0 {
		err = &fs.PathError{Op: "read", Path: s.File(), Err: errEmpty}
	}
	if err != nil {
		return nil, fmt.Errorf("read secret: %w", err)
	}
	return data, nil
}

var (
	errEmpty      = errors.New("file is empty")
	errTooLarge   = errors.New("file is too large")
	errNotRegular = errors.New("not a regular file")
)

// readFile reads a file of at most maxSecret bytes. Pipes and devices are
// refused: they block, and cannot be read again on a reload.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "read", Path: path, Err: errNotRegular}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err == nil && len(data) > maxSecret {
		err = &fs.PathError{Op: "read", Path: path, Err: errTooLarge}
	}
	return data, err
}

// String hides the secret.
func (s Secret) String() string {
	if s.source == nil {
		return ""
	}
	return hidden
}

// Format hides the secret from every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// GoString hides the secret.
func (s Secret) GoString() string { return s.String() }

// LogValue hides the secret from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText hides the secret from JSON, YAML and XML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
