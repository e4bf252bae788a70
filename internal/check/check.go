package check

import (
	"context"
	"crypto/x509"
	"errors"
	"time"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/expiry"
	"jtel.de/presencebridge/internal/graph/sdk"
	"jtel.de/presencebridge/internal/graph/signin"
)

// Options of a check; all but Roots and Begin are needed.
type Options struct {
	Config   *config.Config
	File     string // of the configuration
	Language Language
	Tenants  []Tenant // one for each of Config.Tenants, in their order
	// Roots are trusted on Microsoft's side; nil are the system's. At the public
	// URL they count only for a simulated Graph: Microsoft trusts public ones alone.
	Roots *x509.CertPool
	// Answer answers Graph's handshakes at listen.callback until stopped, and puts
	// every notification off.
	Answer func() (stop func() error, err error)
	// NATS is how the service connects to nats.url, or to the embedded server
	// while the service runs.
	NATS   events.ConnectOptions
	Stream events.StreamOptions // of the stream there
	// Forward is the central server; its URL is empty if there is none.
	Forward       events.ConnectOptions
	ForwardStream events.StreamOptions
	// Begin is told the title of each step before it is taken; nil is told nothing.
	Begin func(title string)
}

// ErrNeedsService is Answer's error where only the service itself can answer.
var ErrNeedsService = errors.New("only the service has the certificate")

// Tenant is how one tenant is reached.
type Tenant struct {
	App   *signin.Credential
	Graph *sdk.Client // as the app
	// Expiry reads what the tenant has that ends; it needs the app signed in.
	Expiry   func(context.Context) []expiry.Item
	Accounts []Account // one for each of its service users, in their order
}

// Account is how a service user is reached, or why not at all.
type Account struct {
	Credential *signin.Credential
	Graph      *sdk.Client
	Err        error
	// Again is the command that signs a service user in by device code; empty for
	// one with a password.
	Again string
}

// State is what came of a step.
type State string

// The states of a step.
const (
	OK      State = "ok"
	Warning State = "warning" // works, but not for ever or not for everybody
	Failed  State = "failed"
	Unknown State = "unknown" // cannot be told
	Skipped State = "skipped" // not tried
)

// Finding is what came of one step, in the language that was asked for.
type Finding struct {
	Step    string `json:"step"`  // stable, like app.sign-in
	Group   string `json:"group"` // heading of the steps that belong together
	Tenant  string `json:"tenant,omitempty"`
	Account string `json:"account,omitempty"` // a service user's name
	State   State  `json:"state"`
	Title   string `json:"title"`
	Tried   string `json:"tried,omitempty"`
	Said    string `json:"said,omitempty"` // by Microsoft, the bus or the system, as it came
	Code    string `json:"code,omitempty"` // like AADSTS50126 or 403
	Meaning string `json:"meaning,omitempty"`
	Advice  string `json:"advice,omitempty"`
	Guide   Guide  `json:"guide"`
}

// Guide is where the set-up guide explains a step.
type Guide struct {
	Heading string `json:"heading"`
	Link    string `json:"link"`
}

// Run takes every step, tells each finding as soon as it is there, and returns
// whether nothing failed. Steps have deadlines of their own. When ctx ends it
// stops between two steps; what was made on trial is deleted first.
func Run(ctx context.Context, o Options, tell func(Finding)) (good bool) {
	c := &checker{Options: o, speaker: speaker{o.Language}, tell: tell, good: true, now: time.Now}
	if c.simulated() {
		c.publicRoots = o.Roots
	}
	c.files(ctx)
	c.network(ctx)
	c.bus(ctx)
	stop := c.public(ctx)
	defer stop()
	for i, t := range o.Tenants {
		c.tenant(ctx, o.Config.Tenants[i], t)
	}
	return c.good
}

// checker is one run.
type checker struct {
	Options
	speaker
	tell func(Finding)
	good bool
	now  func() time.Time

	publicRoots *x509.CertPool

	running  bool  // a service answers, here or elsewhere
	listened State // whether anybody answers Graph; empty where nobody needs to
}
