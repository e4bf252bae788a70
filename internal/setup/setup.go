package setup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/internal/graph/admin"
)

// Options of a run. Those without a word are required.
type Options struct {
	Directory admin.Directory
	BaseURL   string // of Graph
	Files     Files

	Name     string // of the app
	ClientID string // an app that exists; empty: the one of that name, or a new one
	// Accounts is how many service users there shall be; 0: as many as People need,
	// and one as a spare, or none if everybody is polled.
	Accounts int
	// Count tells how many people are watched.
	Count  func(ctx context.Context) (int, error)
	Prefix string // of the service users' names, as svc-presence
	Domain string // of their names; empty: the tenant's default

	DeviceCode     bool // service users sign in by device code: no password is kept for the service
	Certificate    bool // the app proves itself with a certificate instead of a secret
	ProofLife      time.Duration
	ResetPasswords bool     // of service users whose password is not in its file
	Owners         []string // names of people who shall own the app, besides who signed in
	ServiceOwners  bool     // the service users own the app, too

	// Facts are what is known beforehand; Run fills in the rest.
	Facts  Facts
	DryRun bool
	Force  bool // overwrite a configuration that differs
	// Try signs the app in, or the service user of that name. Nil tries nothing.
	Try func(ctx context.Context, facts Facts, username string) error
	// Say tells what was found, done, or would be done.
	Say func(Line)
	// Pause is between tries while the directory has not heard of something
	// everywhere; zero is two seconds, growing to fifteen.
	Pause time.Duration
	// Patience is for how long that is tried; zero is ten minutes.
	Patience time.Duration
}

// Line is one step.
type Line struct {
	Mark Mark
	Text string
}

// Mark says what a step was.
type Mark string

// All marks.
const (
	Found   Mark = "="   // it is as it should be
	Made    Mark = "+"   // it was made
	Changed Mark = "~"   // it was changed
	Would   Mark = ">"   // it would be made or changed
	Waiting Mark = "..." // the directory needs time
	Problem Mark = "!"   // somebody has to do something
)

// ErrIncomplete says that somebody has to do something before the service can run.
var ErrIncomplete = errors.New("something is left to do: see the lines with an exclamation mark")

type run struct {
	Options
	tenant     admin.Organization
	me         admin.User
	graph      admin.Principal
	app        admin.App
	principal  admin.Principal
	users      []admin.User
	fresh      map[string]bool // service users whose password is of this run
	incomplete bool
}

// Run does it and gives the facts. What was done stays done when it fails, and
// the next run goes on from there.
func Run(ctx context.Context, o Options) (Facts, error) {
	if o.Pause == 0 {
		o.Pause = 2 * time.Second
	}
	if o.Patience == 0 {
		o.Patience = 10 * time.Minute
	}
	r := &run{Options: o, fresh: map[string]bool{}}
	for _, step := range []func(context.Context) error{
		r.look, r.registerApp, r.servicePrincipal, r.applicationPermissions, r.delegatedPermissions,
		r.proof, r.serviceUsers, r.owners, r.configuration, r.signIns,
	} {
		if err := step(ctx); err != nil {
			return r.Facts, err
		}
	}
	if r.incomplete {
		return r.Facts, ErrIncomplete
	}
	return r.Facts, nil
}

func (r *run) say(m Mark, format string, args ...any) {
	if m == Problem {
		r.incomplete = true
	}
	r.Say(Line{m, fmt.Sprintf(format, args...)})
}

// do acts, or says that it would. It waits while the directory has not heard
// everywhere of what was made before, or turns us away. Any other failure ends
// the run: it may have been an answer that was lost, and the next run looks first.
func (r *run) do(ctx context.Context, m Mark, what string, act func() error) error {
	if r.DryRun {
		r.say(Would, "%s", what)
		return nil
	}
	if err := r.patiently(ctx, what, act); err != nil {
		return err
	}
	r.say(m, "%s", what)
	return nil
}

func (r *run) patiently(ctx context.Context, what string, act func() error) error {
	until, pause := time.Now().Add(r.Patience), r.Pause
	for first := true; ; first = false {
		err := act()
		if err == nil || !admin.NotYet(err) && !admin.TurnedAway(err) || !time.Now().Before(until) {
			return err
		}
		if first {
			if admin.TurnedAway(err) {
				r.say(Waiting, "the directory is busy: %s", what)
			} else {
				r.say(Waiting, "the directory has not heard of it everywhere yet: %s", what)
			}
		}
		timer := time.NewTimer(max(pause, graph.RetryAfter(err)))
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
		pause = min(2*pause, 15*time.Second)
	}
}

// look reads where we are and what Graph offers, and that secrets can be kept.
func (r *run) look(ctx context.Context) (err error) {
	if !r.DryRun {
		if err := r.Files.check(); err != nil {
			return err
		}
	}
	if r.tenant, err = r.Directory.Organization(ctx); err != nil {
		return err
	}
	if r.me, err = r.Directory.Me(ctx); err != nil {
		return err
	}
	if r.graph, err = r.Directory.Principal(ctx, admin.GraphAppID); err != nil {
		return err
	}
	if r.Domain == "" {
		r.Domain = r.tenant.ServiceDomain()
	}
	if r.Domain == "" {
		return errors.New("every domain of the tenant is federated: service users need one whose passwords Entra ID checks itself; name it with --domain")
	}
	r.Facts.TenantID = r.tenant.ID
	if r.Facts.Tenant == "" {
		r.Facts.Tenant = TenantName(r.Domain)
	}
	r.say(Found, "tenant %s (%s), signed in as %s", r.tenant.Name, r.tenant.ID, r.me.Username)
	return nil
}
