package app

import (
	"context"
	"os"
	"reflect"
	"slices"
	"time"

	"jtel.de/presencebridge/internal/config"
)

// lookEvery is how often the configuration file is looked at.
const lookEvery = 5 * time.Second

// reload takes up a changed configuration on request and when its file changed,
// and so it does when somebody signed a service user in.
func (s *service) reload(ctx context.Context) error {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	last := s.modified()
	s.loggedIn(ctx) // what is there now is no change
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.Reload:
		case <-look.C:
			now, login := s.modified(), s.loggedIn(ctx)
			if !login && (now.IsZero() || now.Equal(last)) {
				continue
			}
		}
		last = s.modified()
		s.takeUp()
	}
}

// modified is when the configuration file was changed; zero if there is none.
func (s *service) modified() time.Time {
	info, err := os.Stat(s.File)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
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
