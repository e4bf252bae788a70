package sdk

import (
	"net/http"
	"time"

	khttp "github.com/microsoft/kiota-http-go"
)

// Call is one try of a request, for metrics. Nothing in it is about a person.
type Call struct {
	Route  string // the calls that Graph counts together: one of Routes
	Status int    // HTTP status; 0 when no answer came, or none was asked for
	// HeldBack: no turn fitted into the deadline, and Graph was not asked.
	HeldBack bool
	Waited   time.Duration // for a turn: our own pace, or a Retry-After of another call
	Took     time.Duration // from sending to the answer's headers
	// Stop is what Graph asked this and all such calls to wait for with a 429.
	Stop time.Duration
}

// Routes are the values of Call.Route.
var Routes = [classes]string{
	presences: "presence",
	writes:    "subscription_write",
	listings:  "subscription_list",
	single:    "subscription_read",
	lookups:   "directory",
}

// calls lets every try of a request wait its turn and tells what became of it.
// It stands inside the repeats, each of which Graph counts.
type calls struct {
	limiter *Limiter // nil limits nothing
	base    string   // path of the base URL
	observe func(Call)
}

func (c calls) Intercept(next khttp.Pipeline, i int, r *http.Request) (*http.Response, error) {
	class, units := classOf(r, c.base)
	call := Call{Route: Routes[class]}
	defer func() { c.observe(call) }()
	if c.limiter != nil {
		asked := time.Now()
		err := c.limiter.of[class].pass(r.Context(), units)
		call.Waited = time.Since(asked)
		if err != nil {
			call.HeldBack = true
			return nil, err
		}
	}
	sent := time.Now()
	res, err := next.Next(r, i)
	call.Took = time.Since(sent)
	if err != nil {
		return res, err
	}
	call.Status = res.StatusCode
	if wait, told := retryAfter(res.Header, time.Now()); told && res.StatusCode == http.StatusTooManyRequests {
		call.Stop = min(wait, longestStop)
		if c.limiter != nil {
			c.limiter.of[class].stop(wait)
		}
	}
	return res, nil
}
