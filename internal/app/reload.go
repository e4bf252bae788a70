package app

import (
	"context"
	"os"
	"reflect"
	"slices"
	"time"

	"jtel.de/presencebridge/internal/config"
)

// lookEvery is how often the configuration file and those of secrets are looked at.
const lookEvery = 5 * time.Second

// reload takes up a changed configuration on request and when its file or that
// of a secret changed, and so it does when somebody signed a service user in.
func (s *service) reload(ctx context.Context) error {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	seen := times{}
	seen.changed(s.reloadable()) // what is there now is no change
	s.loggedIn(ctx)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.Reload:
			seen.changed(s.reloadable())
		case <-look.C:
			changed, login := seen.changed(s.reloadable()), s.loggedIn(ctx)
			if !changed && !login {
				continue
			}
		}
		s.takeUp()
	}
}

// reloadable are the files of which a change is taken up: the configuration and its secrets.
func (s *service) reloadable() []string {
	all := []string{s.File, s.Config.Listen.AdminToken.File()}
	for _, t := range s.tenants {
		c := t.config.Load()
		all = append(all, c.ClientSecret.File(), c.ClientCertificate.File())
		for _, a := range c.Accounts {
			all = append(all, a.Password.File())
		}
	}
	return all
}

// times are when files were changed last, by path.
type times map[string]time.Time

// changed reports whether one of the files is another than at the last look. One
// that is away, as for a moment while it is replaced, or looked at for the first
// time, is not.
func (t times) changed(files []string) (changed bool) {
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			continue
		}
		before, known := t[file]
		t[file] = info.ModTime()
		changed = changed || known && !before.Equal(t[file])
	}
	return changed
}

// takeUp makes what can change at run time count at once: people, secrets, the
// log level. A file with mistakes changes nothing, but what waits for an
// operator is tried again in any case.
func (s *service) takeUp() {
	if s.Load != nil {
		c, err := s.Load()
		s.metrics.reloaded(err)
		if err != nil {
			s.Log.Error("changed configuration not taken up", "error", err)
		} else {
			s.apply(c)
		}
	}
	s.Log.Info("reloading secrets and people")
	for _, t := range s.tenants {
		t.reload()
	}
	s.replaceAdminToken()
	s.expiry.Refresh()
}

func (s *service) apply(c *config.Config) {
	if s.Level != nil {
		s.Level.Set(c.Log.Level)
	}
	for _, changed := range c.Tenants {
		if t := s.tenants[changed.ID]; t != nil {
			t.config.Store(&changed)
		}
	}
	if !reflect.DeepEqual(fixed(s.Config), fixed(c)) {
		s.Log.Warn("some of the changes in the configuration count only after a restart")
	}
}

// fixed is a configuration without what a reload takes up.
func fixed(c *config.Config) config.Config {
	f := *c
	f.Log.Level = 0
	f.Tenants = slices.Clone(f.Tenants)
	for i := range f.Tenants {
		t := &f.Tenants[i]
		t.People = config.People{Refresh: t.People.Refresh}
		t.ClientSecret, t.ClientCertificate = kind(t.ClientSecret), kind(t.ClientCertificate)
		t.Accounts = slices.Clone(t.Accounts)
		for j := range t.Accounts {
			t.Accounts[j].Password = config.Secret{}
		}
	}
	return f
}

// kind keeps only whether there is such a secret: one kind of proof does not
// become the other without a restart.
func kind(s config.Secret) config.Secret {
	if s.IsSet() {
		return config.NewSecret("set")
	}
	return s
}
