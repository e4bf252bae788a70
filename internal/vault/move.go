package vault

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"filippo.io/age"
)

// Move copies what a directory holds to a store that holds no keys yet, once:
// what is there already stays as it is, and so does the directory. What was
// sealed with the seal key of the directory's own is sealed anew.
func Move(ctx context.Context, from *Dir, to Store, sealKeyFile string, log *slog.Logger) error {
	if _, err := to.Get(ctx, keysName); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	names, err := from.names()
	if err != nil || !slices.Contains(names, keysName) {
		return err
	}
	next, err := openSeal(sealKeyFile, true, "", log)
	if err != nil {
		return fmt.Errorf("copy sealed state: %w", err)
	}
	former, err := formerSeal(from, next, log)
	if err != nil {
		return fmt.Errorf("copy sealed state: %w", err)
	}
	// The keys go last: with them it is done.
	names = append(slices.DeleteFunc(names, func(n string) bool { return n == keysName }), keysName)
	for _, name := range names {
		if err := reseal(ctx, from, to, name, former, next); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("copy sealed state %s from data_dir: %w", name, err)
		}
	}
	log.InfoContext(ctx, "sealed state of data_dir copied to NATS, where all instances share it", "entries", len(names))
	return nil
}

// formerSeal opens what either key has sealed.
func formerSeal(from *Dir, next seal, log *slog.Logger) (seal, error) {
	former := seal{identities: slices.Clone(next.identities), mend: howToMend}
	own := filepath.Join(filepath.Dir(from.sealed), "seal.key")
	if _, err := os.Stat(own); errors.Is(err, fs.ErrNotExist) {
		return former, nil
	}
	old, err := openSeal(own, false, howToMend, log)
	if err != nil {
		return seal{}, err
	}
	known := func(x *age.X25519Identity) bool {
		return slices.ContainsFunc(former.identities, func(y *age.X25519Identity) bool { return x.String() == y.String() })
	}
	former.identities = append(former.identities, slices.DeleteFunc(old.identities, known)...)
	return former, nil
}

func reseal(ctx context.Context, from *Dir, to Store, name string, former, next seal) error {
	sealed, err := from.Get(ctx, name)
	if err != nil {
		return err
	}
	text, err := former.open(sealed)
	if err != nil {
		return err
	}
	if sealed, err = next.close(text); err != nil {
		return err
	}
	return to.Create(ctx, name, sealed)
}

// names are what the directory holds.
func (d *Dir) names() ([]string, error) {
	entries, err := os.ReadDir(d.sealed)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		if name, ok := strings.CutSuffix(entry.Name(), ".age"); ok && storeName.MatchString(name) {
			names = append(names, name)
		}
	}
	return names, nil
}
