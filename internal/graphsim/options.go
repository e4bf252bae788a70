package graphsim

import (
	"crypto/x509"
	"log/slog"
)

// Options tell [New] what to simulate.
type Options struct {
	// Seed makes the default tenant, the faults and [Simulator.Life] repeatable;
	// 0 takes a random one, told by [Simulator.Seed]. Keys and tokens are random
	// in any case.
	Seed uint64
	// Speed divides lifetimes, retry schedules and throttling windows (0 means 1,
	// real time). What an answer says about an expiry is already divided. The
	// deadlines of notification endpoints (3 s, 10 s) are never divided.
	Speed float64
	// People is how many people the default tenant has; 0 means 24.
	People int
	// Empty leaves the app registration and the service users of the default
	// tenant out and gives it an administrator, admin@contoso.com, who can make them.
	Empty bool
	// Tenant replaces the default tenant. Missing ids are made up.
	Tenant *Tenant
	// Faults are switched on from the start; the zero value is a Graph without any.
	Faults Faults
	// Roots are trusted when notifications are delivered; nil means the system's.
	Roots *x509.CertPool
	// Log tells requests at debug and faults at info level; nil discards.
	Log *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.Speed <= 0 {
		o.Speed = 1
	}
	if o.People <= 0 {
		o.People = 24
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}
