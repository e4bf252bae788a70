package setup

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Files are the configuration file and the secrets beside it.
type Files struct {
	Config string // path of the configuration
}

// Dir is where the configuration stands.
func (f Files) Dir() string { return filepath.Dir(f.Config) }

// Secret is the path of a secret of this name.
func (f Files) Secret(name string) string {
	return filepath.Join(f.Dir(), "secrets", strings.ReplaceAll(name, string(filepath.Separator), "-"))
}

// Exists reports whether a file is there; one that cannot be looked at is.
func Exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// Write writes a file of mode 0600 that is there wholly or not at all, in a
// directory for its owner alone if that must be made. It replaces what is there.
func Write(path string, data []byte) error {
	dir := filepath.Dir(path)
	there := Exists(dir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	f, err := os.CreateTemp(dir, ".tmp-*") // mode 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer os.Remove(f.Name()) // gone already after the rename
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil && !there {
		err = inherit(dir)
	}
	if err == nil {
		err = inherit(f.Name())
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// check finds out that secrets can be written, before there are any to lose.
func (f Files) check() error {
	probe := f.Secret(".probe")
	if err := Write(probe, nil); err != nil {
		return err
	}
	return os.Remove(probe)
}

// inherit gives what root writes to the service, which has to read it and runs
// as somebody else: to the owner of the directory around it, or to the user named
// like the directory's group, as the Debian package has it.
func inherit(path string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return err
	}
	around, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	uid, gid, ok := heir(int(around.Uid), int(around.Gid), userOf)
	if !ok {
		return nil
	}
	return os.Chown(path, uid, gid)
}

// heir is who gets a file that root writes into a directory of uid and gid.
func heir(uid, gid int, userOf func(gid int) (uid int, ok bool)) (int, int, bool) {
	if uid != 0 {
		return uid, gid, true
	}
	if gid == 0 {
		return 0, 0, false
	}
	uid, ok := userOf(gid)
	return uid, gid, ok
}

// userOf is the user that has the name of a group.
func userOf(gid int) (int, bool) {
	group, err := user.LookupGroupId(strconv.Itoa(gid))
	if err != nil {
		return 0, false
	}
	named, err := user.Lookup(group.Name)
	if err != nil {
		return 0, false
	}
	uid, err := strconv.Atoi(named.Uid)
	return uid, err == nil
}

// ErrExists says that a configuration is there already and differs.
var ErrExists = errors.New("it exists and differs")

// WriteConfig writes the configuration. One that is there and differs is an
// error, ErrExists, unless force.
func (f Files) WriteConfig(facts Facts, force bool) (changed bool, err error) {
	text, err := facts.Configuration(f.Dir())
	if err != nil {
		return false, err
	}
	there, err := os.ReadFile(f.Config)
	switch {
	case err == nil && bytes.Equal(there, text):
		return false, nil
	case err == nil && !force:
		return false, fmt.Errorf("write %s: %w", f.Config, ErrExists)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return false, fmt.Errorf("write configuration: %w", err)
	}
	return true, Write(f.Config, text)
}
