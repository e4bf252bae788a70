package vault

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"filippo.io/age"
)

// howToMend ends every error about sealed state that cannot be opened.
// Stores of other places have another ending: see mendOf.
const howToMend = "or delete the sealed state (the directory sealed in data_dir) and accept that every subscription is made anew"

// seal closes and opens sealed bytes with the identities of the seal key file.
// The first one seals; older ones behind it still open.
type seal struct {
	identities []*age.X25519Identity
	mend       string // what helps if something cannot be opened
}

func (s seal) close(text []byte) ([]byte, error) {
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, s.identities[0].Recipient())
	if err != nil {
		return nil, fmt.Errorf("seal state: %w", err)
	}
	if _, err = w.Write(text); err != nil {
		return nil, fmt.Errorf("seal state: %w", err)
	}
	if err = w.Close(); err != nil {
		return nil, fmt.Errorf("seal state: %w", err)
	}
	return sealed.Bytes(), nil
}

func (s seal) open(sealed []byte) ([]byte, error) {
	identities := make([]age.Identity, len(s.identities))
	for i, identity := range s.identities {
		identities[i] = identity
	}
	r, err := age.Decrypt(bytes.NewReader(sealed), identities...)
	if _, wrong := errors.AsType[*age.NoIdentityMatchError](err); wrong {
		return nil, errors.New("the seal key is not the one that the state was sealed with: restore that key, " + s.mend)
	}
	if err == nil {
		var text []byte
		if text, err = io.ReadAll(r); err == nil {
			return text, nil
		}
	}
	return nil, fmt.Errorf("the sealed state is damaged (%w): restore it from a backup, %s", err, s.mend)
}

// openSeal reads the seal key file. If it is missing and this is the first
// start, it is made.
func openSeal(path string, first bool, mend string, log *slog.Logger) (seal, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if !first {
			return seal{}, fmt.Errorf("seal key %s is missing, but there is sealed state: restore the key, %s", path, mend)
		}
		if err = makeSealKey(path); err != nil {
			return seal{}, fmt.Errorf("make seal key: %w", err)
		}
		log.Info("seal key made", "file", path)
		data, err = os.ReadFile(path)
	}
	if err != nil {
		return seal{}, fmt.Errorf("read seal key: %w", err)
	}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 {
		log.Warn("seal key can be read by others: set its mode to 0600", "file", path, "mode", fmt.Sprintf("%04o", info.Mode().Perm()))
	}
	parsed, err := age.ParseIdentities(bytes.NewReader(data))
	s := seal{mend: mend}
	for _, identity := range parsed {
		if x, ok := identity.(*age.X25519Identity); ok {
			s.identities = append(s.identities, x)
		}
	}
	if err != nil || len(s.identities) != len(parsed) || len(parsed) == 0 {
		// age's own error may repeat a part of the key.
		return seal{}, fmt.Errorf("seal key %s is not a file of age X25519 identities (AGE-SECRET-KEY-1…)", path)
	}
	return s, nil
}

// makeSealKey makes a new seal key file, unless somebody else just did.
func makeSealKey(path string) error {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return err
	}
	text := fmt.Sprintf("# Seals the state of Presence Bridge. Keep a copy of this file apart from the data.\n# created: %s\n# public key: %s\n%s\n",
		time.Now().UTC().Format(time.RFC3339), identity.Recipient(), identity)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	err = writeFile(path, []byte(text), publishNew)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// mendOf is what helps if what a store holds cannot be opened.
func mendOf(s Store) string {
	if other, ok := s.(interface{ Mend() string }); ok {
		return other.Mend()
	}
	return howToMend
}
