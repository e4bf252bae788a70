package signin

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"jtel.de/presencebridge/internal/graph"
)

const (
	// early is how long before its end a token is replaced.
	early = 5 * time.Minute
	// pause is how long a failed early replacement is not repeated.
	pause = 30 * time.Second
)

// defaultScope asks for everything that was consented to on the global Graph.
const defaultScope = "https://graph.microsoft.com/.default"

// issuer signs in and gives a freshly issued token, never one from a cache.
type issuer interface {
	issue(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error)
}

// Credential is the app or one service user. Its methods may be called from
// anywhere at any time; sign-ins happen one after the other.
type Credential struct {
	who    string
	issuer issuer
	log    *slog.Logger
	now    func() time.Time
	// observe is told how every sign-in went, but for those that a caller gave up.
	observe func(*graph.SignInError)

	// turn holds one element: whoever took it may sign in. A channel, because
	// those who wait must be able to leave when their context ends.
	turn chan struct{}

	mu      sync.Mutex
	held    azcore.AccessToken
	asked   policy.TokenRequestOptions // what held answers
	due     bool                       // held is to be replaced, whenever it ends
	pauseTo time.Time
	refused *graph.SignInError
	until   time.Time // of the refusal
	resets  int
	tries   int                // sign-ins so far
	failed  *graph.SignInError // how the last of them went
}

var _ azcore.TokenCredential = (*Credential)(nil)

func newCredential(who string, i issuer, o Options) *Credential {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Observe == nil {
		o.Observe = func(*graph.SignInError) {}
	}
	return &Credential{
		who: who, issuer: i, log: o.Log, observe: o.Observe,
		// Without the monotonic reading, which stands still while the machine is
		// suspended, whereas tokens end.
		now:   func() time.Time { return time.Now().Round(0) },
		turn:  make(chan struct{}, 1),
		asked: policy.TokenRequestOptions{Scopes: []string{defaultScope}, EnableCAE: true},
	}
}

// GetToken gives the token in hand, or a new one when that ends within five
// minutes or answers another question. Errors are *graph.SignInError.
func (c *Credential) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	if t, ok := c.fresh(o); ok {
		return t, nil
	}
	tries, _ := c.last()
	release, err := c.takeTurn(ctx)
	if err != nil {
		return azcore.AccessToken{}, err
	}
	defer release()
	// Whoever waited takes what the other sign-in brought, be it an error:
	// a queue of callers must not become a queue of timeouts.
	if t, ok := c.fresh(o); ok {
		return t, nil
	}
	if now, failed := c.last(); now != tries && failed != nil {
		return azcore.AccessToken{}, failed
	}
	t, err := c.signIn(ctx, o)
	if err == nil {
		return t, nil
	}
	if t, ok := c.spare(o, err); ok {
		return t, nil
	}
	return azcore.AccessToken{}, err
}

// Refresh replaces the token in hand by a freshly issued one: Graph ties the
// delivery of notifications to the life of the token that renewed the
// subscription. When it fails, the token in hand stays.
func (c *Credential) Refresh(ctx context.Context) error {
	release, err := c.takeTurn(ctx)
	if err != nil {
		return err
	}
	defer release()
	c.mu.Lock()
	o := c.asked
	c.mu.Unlock()
	_, err = c.signIn(ctx, o)
	return err
}

// Reset says that an operator changed something: refusals are forgotten and the
// next call signs in anew, with secrets read anew. When that fails for a reason
// that passes, the token in hand does until it works.
func (c *Credential) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refused, c.due, c.pauseTo = nil, true, time.Time{}
	c.resets++
}

func (c *Credential) takeTurn(ctx context.Context) (release func(), err error) {
	select {
	case c.turn <- struct{}{}:
		return func() { <-c.turn }, nil
	case <-ctx.Done():
		return nil, unreachable(c.who, ctx.Err())
	}
}

// last tells how many sign-ins there were and how the last one failed.
func (c *Credential) last() (tries int, failed *graph.SignInError) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tries, c.failed
}

// signIn asks Entra ID, unless it refused lately for a reason that stays.
func (c *Credential) signIn(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	c.mu.Lock()
	refused, resets := c.refused, c.resets
	if refused != nil && !c.now().Before(c.until) {
		refused, c.refused = nil, nil
	}
	c.mu.Unlock()
	if refused != nil {
		return azcore.AccessToken{}, refused
	}

	t, err := c.issuer.issue(ctx, o)

	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	c.tries++
	c.failed = nil
	if err != nil {
		s := describe(c.who, err)
		if ctx.Err() == nil { // else it was this caller's own doing
			c.failed = s
			c.observe(s)
		}
		if resets == c.resets && !(c.due && s.Permanent) {
			c.pauseTo = now.Add(pause)
		}
		// An answer to the question as it was before a Reset proves nothing.
		if keep := remember(s); keep > 0 && resets == c.resets {
			c.until = now.Add(keep)
			s.Advice += "; the next sign-in is tried at " + c.until.UTC().Format(time.RFC3339) +
				" or once the configuration is reloaded"
			c.refused = s
		}
		return azcore.AccessToken{}, s
	}
	c.observe(nil)
	if resets == c.resets {
		o.Claims = "" // a token with claims answers the plain question too
		c.held, c.asked, c.due, c.pauseTo = t, o, false, time.Time{}
	}
	c.log.Debug("token issued", "expires", t.ExpiresOn)
	return t, nil
}

// fresh gives the token in hand if it need not be replaced yet.
func (c *Credential) fresh(o policy.TokenRequestOptions) (azcore.AccessToken, bool) {
	t, ok := c.lasting(o)
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	due := t.ExpiresOn.Add(-early)
	if !t.RefreshOn.IsZero() && t.RefreshOn.Before(due) {
		due = t.RefreshOn
	}
	return t, ok && (!c.due && now.Before(due) || now.Before(c.pauseTo))
}

// spare gives the token in hand after a failed sign-in. An operator who has just
// changed something must learn that it is wrong, not an hour later.
func (c *Credential) spare(o policy.TokenRequestOptions, err error) (azcore.AccessToken, bool) {
	t, ok := c.lasting(o)
	c.mu.Lock()
	defer c.mu.Unlock()
	return t, ok && !(c.due && graph.Classify(err) == graph.Operator)
}

// lasting gives the token in hand if it is still good, be it for a minute.
func (c *Credential) lasting(o policy.TokenRequestOptions) (azcore.AccessToken, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	same := o.Claims == "" && o.EnableCAE == c.asked.EnableCAE && slices.Equal(o.Scopes, c.asked.Scopes)
	return c.held, same && c.now().Add(pause).Before(c.held.ExpiresOn)
}
