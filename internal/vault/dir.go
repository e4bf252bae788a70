package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
)

// temporary starts the names of files that are being written. One that is
// found at start was left by a crash.
const temporary = ".tmp-"

var storeName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)

// Dir is a [Store] in a directory, for one process at a time.
type Dir struct {
	lock   *os.File
	sealed string
}

// OpenDir opens the store in dir/sealed, which is made if need be. Until Close,
// every other OpenDir of the same directory is an error, also in other
// processes; the lock goes with the process, however that ends.
func OpenDir(dir string) (*Dir, error) {
	d := &Dir{sealed: filepath.Join(dir, "sealed")}
	if err := os.MkdirAll(d.sealed, 0o700); err != nil {
		return nil, fmt.Errorf("open data_dir: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open data_dir: %w", err)
	}
	d.lock = lock
	if err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err == nil {
		err = d.tidy()
	}
	if err != nil {
		_ = lock.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("open data_dir %s: another presencebridge uses this data_dir", dir)
		}
		return nil, fmt.Errorf("open data_dir %s: %w", dir, err)
	}
	return d, nil
}

// ShareDir is the store beside a service that has it open, for a command that
// writes what is its own there. Nothing is locked, so [Vault] must not use it.
func ShareDir(dir string) (*Dir, error) {
	d := &Dir{sealed: filepath.Join(dir, "sealed")}
	if err := os.MkdirAll(d.sealed, 0o700); err != nil {
		return nil, fmt.Errorf("open data_dir: %w", err)
	}
	return d, inherit(d.sealed)
}

// tidy narrows the permissions and removes what a crash left half written.
func (d *Dir) tidy() error {
	if err := os.Chmod(d.sealed, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(d.sealed)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), temporary) {
			if err := os.Remove(filepath.Join(d.sealed, entry.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// Close releases the directory.
func (d *Dir) Close() error {
	if d.lock == nil {
		return nil
	}
	return d.lock.Close()
}

// Get reads what is stored under a name.
func (d *Dir) Get(ctx context.Context, name string) ([]byte, error) {
	path, err := d.path(ctx, name)
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// Create stores what does not exist yet.
func (d *Dir) Create(ctx context.Context, name string, data []byte) error {
	path, err := d.path(ctx, name)
	if err != nil {
		return err
	}
	return writeFile(path, data, publishNew)
}

// Put replaces what is stored under a name.
func (d *Dir) Put(ctx context.Context, name string, data []byte) error {
	path, err := d.path(ctx, name)
	if err != nil {
		return err
	}
	err = writeFile(path, data, os.Rename)
	if errors.Is(err, fs.ErrNotExist) { // a service that just started took the half written file for a leftover
		err = writeFile(path, data, os.Rename)
	}
	return err
}

// Swap is for the process that has the directory alone; a command beside it may
// write a login between the look and the replacement.
func (d *Dir) Swap(ctx context.Context, name string, before, data []byte) error {
	now, err := d.Get(ctx, name)
	if err != nil {
		return err
	}
	if !bytes.Equal(now, before) {
		return ErrChanged
	}
	return d.Put(ctx, name, data)
}

func (d *Dir) path(ctx context.Context, name string) (string, error) {
	if !storeName.MatchString(name) {
		return "", fmt.Errorf("store %q: %w", name, fs.ErrInvalid)
	}
	return filepath.Join(d.sealed, name+".age"), ctx.Err()
}

// writeFile writes a file of mode 0600 that is there wholly or not at all, even
// if the power fails. publish gives the finished file its name: os.Rename
// replaces, publishNew does not.
func writeFile(path string, data []byte, publish func(from, to string) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), temporary+"*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone already after a rename
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = inherit(f.Name())
	}
	if err == nil {
		err = publish(f.Name(), path)
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// inherit gives a file to the owner of its directory: what root writes in a
// command is for the service, which runs as somebody else.
func inherit(path string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || owner.Uid == 0 {
		return nil
	}
	return os.Chown(path, int(owner.Uid), int(owner.Gid))
}

// publishNew gives a file its name unless that is taken: fs.ErrExist. Some
// network file systems have no links; there only the lock of the directory
// keeps two from doing it at once.
func publishNew(from, to string) error {
	err := os.Link(from, to)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, err = os.Lstat(to); err == nil {
		return &fs.PathError{Op: "create", Path: to, Err: fs.ErrExist}
	}
	return os.Rename(from, to)
}

// syncDir puts the names in a directory on disk.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
