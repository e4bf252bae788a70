package check

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// files looks at the machine: who can read the secrets, and where data goes.
func (c *checker) files(ctx context.Context) {
	s := c.subject("group.files")
	c.take(ctx, s, step{id: "files.config", title: []any{c.File}, anchor: "facts", do: func(context.Context) outcome { return fine() }})
	c.take(ctx, s, step{id: "files.secrets", anchor: "machine", do: func(context.Context) outcome { return c.secretFiles() }})
	c.take(ctx, s, step{id: "files.data", title: []any{c.Config.DataDir}, anchor: "machine", do: func(context.Context) outcome { return dataDir(c.Config.DataDir) }})
}

// Rights of others and of the group. Windows tells none.
const (
	othersWrite, othersRead = 0o002, 0o004
	groupWrite              = 0o020
)

func (c *checker) secretFiles() outcome {
	var writable, readable []string
	for _, path := range c.secretPaths() {
		info, err := os.Stat(path)
		if err != nil {
			continue // not made yet, or reported by the configuration
		}
		switch mode := info.Mode().Perm(); {
		case mode&(othersWrite|groupWrite) != 0:
			writable = append(writable, fmt.Sprintf("%s (%04o)", path, mode))
		case mode&othersRead != 0:
			readable = append(readable, fmt.Sprintf("%s (%04o)", path, mode))
		}
	}
	if len(writable) > 0 {
		return fail("files.writable", strings.Join(writable, ", "))
	}
	if len(readable) > 0 {
		return warn("files.readable", strings.Join(readable, ", "))
	}
	return fine()
}

// secretPaths are the files that hold something secret, the configuration only
// if it does so itself.
func (c *checker) secretPaths() []string {
	o := c.Config
	paths := []string{o.SealKeyFile, o.TLS.KeyFile, o.NATS.CredentialsFile, o.NATS.TLS.KeyFile, o.Listen.AdminToken.File()}
	inline := false
	for _, t := range o.Tenants {
		secrets := []interface {
			IsSet() bool
			File() string
		}{t.ClientSecret, t.ClientCertificate}
		for _, a := range t.Accounts {
			secrets = append(secrets, a.Password)
		}
		for _, secret := range secrets {
			paths = append(paths, secret.File())
			inline = inline || secret.IsSet() && secret.File() == ""
		}
	}
	if inline {
		paths = append(paths, c.File)
	}
	paths = slices.DeleteFunc(paths, func(p string) bool { return p == "" })
	slices.Sort(paths)
	return slices.Compact(paths)
}

// dataDir is writable, or can be made where it will be.
func dataDir(dir string) outcome {
	at := dir
	for {
		info, err := os.Stat(at)
		if err == nil && !info.IsDir() {
			return fail("files.no-directory", at)
		}
		if err == nil {
			break
		}
		parent := filepath.Dir(at)
		if !os.IsNotExist(err) || parent == at {
			return fail("files.not-writable", at).saying(plain(err))
		}
		at = parent
	}
	probe, err := os.CreateTemp(at, ".presencebridge-check-*")
	if err != nil {
		return fail("files.not-writable", at).saying(plain(err))
	}
	name := probe.Name()
	if err := probe.Close(); err != nil {
		return fail("files.not-writable", at).saying(plain(err))
	}
	if err := os.Remove(name); err != nil {
		return fail("files.not-writable", at).saying(plain(err))
	}
	return fine()
}

// plain is the cause without the path, which the texts name.
func plain(err error) string {
	if p, ok := err.(*fs.PathError); ok {
		return p.Err.Error()
	}
	return err.Error()
}
