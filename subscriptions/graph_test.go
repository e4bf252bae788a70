package subscriptions

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"jtel.de/presencebridge/internal/graph"
)

// conflict is what Graph answers to a second presence subscription, spelled as sent.
var conflict = &graph.Error{Status: 409, Code: "ExtensionError", Message: "Operation: Create; Exception: [Status Code: Conflict; Reason: A subscripton already exists. It must be deleted before a another can be made.]"}

var (
	notFound    = &graph.Error{Status: 404, Code: "ResourceNotFound", Message: "The object was not found."}
	canceled    = &graph.Error{Status: 500, Code: "ExtensionError", Message: "Operation: Update; Exception: [A task was canceled.]"}
	unavailable = &graph.Error{Status: 503, Code: "ServiceUnavailable", Message: "try again"}
	forbidden   = &graph.Error{Status: 403, Code: "ExtensionError", Message: "The request is not authorized for this user or application."}
	badToken    = &graph.Error{Status: 401, Code: "InvalidAuthenticationToken", Message: "Access token has expired or is not yet valid."}
)

// sim is one account's subscriptions at a simulated Graph. Tests change it
// from the goroutine that calls it or while everybody waits.
type sim struct {
	mu     sync.Mutex // only for fence
	subs   []graph.Subscription
	made   int
	calls  []call
	ghost  time.Time // until then a create conflicts although nothing is listed
	hides  bool      // listings show nothing
	now    func() time.Time
	grants func(asked time.Time) time.Time
	// before may fail a call before it has an effect, or take its time.
	before func(ctx context.Context, op string) error
	// after may lose the answer of a call that had its effect.
	after func(op string) error
}

// call is one that reached Graph.
type call struct {
	op   string // list, create, renew, delete or refresh
	cert string // of a create or a renewal
	id   string
}

func newSim() *sim {
	return &sim{
		now:    time.Now,
		grants: func(asked time.Time) time.Time { return asked.Truncate(time.Second) },
		before: func(context.Context, string) error { return nil },
		after:  func(string) error { return nil },
	}
}

// fence orders what a test did before it let time pass before what the manager
// does after it, which virtual time alone does not.
func (s *sim) fence() {
	s.mu.Lock()
	defer s.mu.Unlock()
}

// begin notes the call, lets it fail and drops what has expired.
func (s *sim) begin(ctx context.Context, c call) error {
	s.fence()
	s.calls = append(s.calls, c)
	err := s.before(ctx, c.op)
	s.fence()
	if err != nil {
		return err
	}
	s.subs = slices.DeleteFunc(s.subs, func(x graph.Subscription) bool { return !x.ExpiresAt.After(s.now()) })
	return ctx.Err()
}

func (s *sim) find(id string) int {
	return slices.IndexFunc(s.subs, func(x graph.Subscription) bool { return x.ID == id })
}

func (s *sim) Subscriptions(ctx context.Context) ([]graph.Subscription, error) {
	if err := s.begin(ctx, call{op: "list"}); err != nil {
		return nil, err
	}
	if s.hides {
		return nil, nil
	}
	out := slices.Clone(s.subs)
	for i := range out {
		out[i].ClientState, out[i].Certificate.DER = "", nil
	}
	return out, s.after("list")
}

func (s *sim) CreateSubscription(ctx context.Context, want graph.Subscription) (graph.Subscription, error) {
	if err := s.begin(ctx, call{op: "create", cert: want.Certificate.ID}); err != nil {
		return graph.Subscription{}, err
	}
	if len(s.subs) > 0 || s.ghost.After(s.now()) {
		return graph.Subscription{}, conflict
	}
	s.made++
	want.ID, want.ExpiresAt = fmt.Sprintf("sub-%d", s.made), s.grants(want.ExpiresAt)
	s.subs = append(s.subs, want)
	if err := s.after("create"); err != nil {
		return graph.Subscription{}, err
	}
	want.Certificate = graph.Certificate{} // some answers lack it
	return want, nil
}

func (s *sim) RenewSubscription(ctx context.Context, id string, expires time.Time, cert *graph.Certificate) (graph.Subscription, error) {
	c := call{op: "renew", id: id}
	if cert != nil {
		c.cert = cert.ID
	}
	if err := s.begin(ctx, c); err != nil {
		return graph.Subscription{}, err
	}
	i := s.find(id)
	if i < 0 {
		return graph.Subscription{}, notFound
	}
	s.subs[i].ExpiresAt = s.grants(expires)
	if cert != nil {
		s.subs[i].Certificate = *cert
	}
	return s.subs[i], s.after("renew")
}

func (s *sim) DeleteSubscription(ctx context.Context, id string) error {
	if err := s.begin(ctx, call{op: "delete", id: id}); err != nil {
		return err
	}
	i := s.find(id)
	if i < 0 {
		return notFound
	}
	s.subs = slices.Delete(s.subs, i, i+1)
	return s.after("delete")
}

func (s *sim) Refresh(ctx context.Context) error { return s.begin(ctx, call{op: "refresh"}) }

// ops are the operations since the last time that it was asked.
func (s *sim) ops() []string {
	var out []string
	for _, c := range s.calls {
		out = append(out, c.op)
	}
	s.calls = nil
	return out
}

// count is how often an operation was called since then.
func (s *sim) count(op string) int {
	n := 0
	for _, c := range s.calls {
		if c.op == op {
			n++
		}
	}
	return n
}
