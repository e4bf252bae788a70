package notification

import (
	"context"
	"crypto/rsa"
	"errors"
	"runtime"
	"strings"
	"sync"
	"time"

	"jtel.de/presencebridge/internal/graph"
)

// Keyring holds the private keys that Graph encrypts for.
type Keyring interface {
	// PrivateKey gives the key of a certificate id, if the thumbprint is that
	// of its certificate: SHA-1 over the DER, hex in upper case.
	PrivateKey(certificateID, thumbprint string) (*rsa.PrivateKey, bool)
}

// Options of [NewOpener].
type Options struct {
	Tenants      map[string]string // tenant id -> our client id, the audience of its tokens
	ClientStates graph.ClientStates
	Keys         Keyring
	Tokens       *Tokens
	Decrypt      DecryptFunc      // nil: DecryptOAEP
	Now          func() time.Time // nil: time.Now
}

// Opener opens bodies. It may be used by many at once; at most GOMAXPROCS of
// them do an RSA operation at a time.
type Opener struct {
	Options
	slots chan struct{} // of RSA operations
	large chan struct{} // the turn of large bodies
	// states are the client states that were found to be ours, as many as there
	// are accounts: [vouched] with its slot as the value.
	states sync.Map
}

// vouched is a client state with the tenant that it was issued for.
type vouched struct{ tenant, state string }

// largeBody is more than a hundred rich items, in bytes.
const largeBody = 512 << 10

// NewOpener makes an opener.
func NewOpener(o Options) *Opener {
	tenants := make(map[string]string, len(o.Tenants))
	for tenant, client := range o.Tenants {
		tenants[strings.ToLower(tenant)] = client
	}
	o.Tenants = tenants
	if o.Decrypt == nil {
		o.Decrypt = DecryptOAEP
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Opener{Options: o, slots: make(chan struct{}, runtime.GOMAXPROCS(0)), large: make(chan struct{}, 1)}
}

// Batch is what a body held. Every item is in exactly one of the members.
type Batch struct {
	Items     int
	Readings  []graph.Reading // decrypted, or basic with values in clear
	Unread    []graph.Person  // basic without values: must be read
	Lifecycle []graph.Lifecycle
	Refused   map[Reason]int // nil when nothing was
	// Undecided items cannot be judged yet: the signing keys could not be
	// had, or time ran out. They are neither refused nor published.
	Undecided int
}

func (b *Batch) refuse(r Reason) {
	if b.Refused == nil {
		b.Refused = map[Reason]int{}
	}
	b.Refused[r]++
}

// Open decodes, verifies and decrypts. Errors are [ErrMalformed], or that of ctx
// when it ended before a large body had its turn; when it ends later, what
// remains is undecided. The body is not kept.
func (o *Opener) Open(ctx context.Context, body []byte) (Batch, error) {
	op := opening{Opener: o, now: o.Now()}
	items, err := op.decode(ctx, body)
	if err != nil {
		return Batch{}, err
	}
	for i := range items {
		op.item(ctx, &items[i])
	}
	return op.Batch, nil
}

// opening is the work on one body.
type opening struct {
	*Opener
	Batch
	tokens tokenList
	now    time.Time
}

// decode gives the items that a client state of ours vouches for; the others
// are refused. Large bodies take turns, since decoding the worst of them takes
// ten times their size in memory.
func (op *opening) decode(ctx context.Context, body []byte) ([]Item, error) {
	if len(body) > largeBody {
		select {
		case op.large <- struct{}{}:
			defer func() { <-op.large }()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	d, err := decode(body, func() { op.Batch = Batch{} }, op.sift)
	op.Items, op.tokens.raw = d.count, d.Tokens
	return d.Items, err
}

// sift does the checks that cost next to nothing and refuses who fails them.
func (op *opening) sift(i *Item) bool {
	if i.malformed {
		op.refuse(ReasonMalformedItem)
		return false
	}
	i.tenant = i.whose()
	if _, ok := op.Tenants[i.tenant]; !ok {
		op.refuse(ReasonUnknownTenant)
		return false
	}
	var ok bool
	if i.slot, ok = op.slot(i.tenant, i.ClientState); !ok {
		op.refuse(ReasonClientState)
		return false
	}
	if i.LifecycleEvent != "" {
		return true
	}
	var refused Reason
	if i.user, refused = i.about(); refused != "" {
		op.refuse(refused)
		return false
	}
	return true
}

// slot gives the slot that a client state was issued for. One that is ours is
// remembered; whoever sends it knows it.
func (o *Opener) slot(tenant, state string) (slot string, ok bool) {
	key := vouched{tenant, state}
	if known, ok := o.states.Load(key); ok {
		return known.(string), true
	}
	if slot, ok = o.ClientStates.Slot(tenant, state); ok {
		o.states.Store(key, slot)
	}
	return slot, ok
}

func (op *opening) item(ctx context.Context, i *Item) {
	rich := i.LifecycleEvent == "" && i.Encrypted != nil
	refused, undecided := op.tokens.judge(ctx, op.Opener, i.tenant, rich)
	switch {
	case undecided:
		op.Undecided++
	case refused != "":
		op.refuse(refused)
	case i.LifecycleEvent != "":
		op.Lifecycle = append(op.Lifecycle, graph.Lifecycle{
			TenantID: i.tenant, SubscriptionID: i.SubscriptionID, Slot: i.slot, Event: knownSpelling(i.LifecycleEvent),
		})
	case rich:
		op.rich(ctx, i)
	case i.ResourceData.hasState():
		op.read(i, &i.ResourceData)
	case i.user == "":
		op.refuse(ReasonNoUser)
	default:
		op.Unread = append(op.Unread, graph.Person{TenantID: i.tenant, UserID: i.user})
	}
}

func (op *opening) rich(ctx context.Context, i *Item) {
	key, ok := op.Keys.PrivateKey(i.Encrypted.CertificateID, strings.ToUpper(i.Encrypted.Thumbprint))
	if !ok {
		op.refuse(ReasonUnknownKey)
		return
	}
	plain, err := op.decrypt(ctx, i.Encrypted, key)
	switch {
	case errors.Is(err, errContent):
		op.refuse(ReasonContent)
		return
	case err != nil: // time ran out
		op.Undecided++
		return
	}
	r, err := decodePresence(plain)
	if err != nil {
		op.refuse(ReasonMalformedPresence)
		return
	}
	op.read(i, &r)
}

// decrypt waits for a slot first; ctx ends the waiting, never the operation.
func (o *Opener) decrypt(ctx context.Context, e *Envelope, key *rsa.PrivateKey) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case o.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-o.slots }()
	return e.Open(key, o.Decrypt)
}

// read adds a reading, provided that all who name the person agree.
func (op *opening) read(i *Item, r *resource) {
	user := i.user
	switch {
	case user != "" && r.ID != "" && !strings.EqualFold(r.ID, user):
		op.refuse(ReasonIDMismatch)
		return
	case user == "" && isGUID(r.ID):
		user = strings.ToLower(r.ID)
	case user == "":
		op.refuse(ReasonNoUser)
		return
	}
	if op.Readings == nil {
		op.Readings = make([]graph.Reading, 0, op.Items)
	}
	op.Readings = append(op.Readings, graph.Reading{
		TenantID:        i.tenant,
		Presence:        r.presence(user),
		Origin:          graph.OriginNotification,
		ObservedAt:      op.now,
		NotificationKey: i.key(i.tenant, user, r.SequenceNumber.Value),
	})
}

// knownSpelling gives events that we know in Graph's spelling, whatever case
// they came in, and others as sent.
func knownSpelling(event string) string {
	for _, known := range [...]string{"reauthorizationRequired", "subscriptionRemoved", "missed"} {
		if strings.EqualFold(event, known) {
			return known
		}
	}
	return event
}

// tokenList is the tokens of a body, verified when first needed.
type tokenList struct {
	raw      []string
	judged   []verdict
	verified bool
}

// judge says whether the tokens vouch for items of a tenant. Rich items need a
// token; others are refused only if one that came along for their tenant, or
// for nobody knows whom, is bad.
func (l *tokenList) judge(ctx context.Context, o *Opener, tenant string, rich bool) (refused Reason, undecided bool) {
	if len(l.raw) == 0 {
		if rich {
			return ReasonTokenMissing, false
		}
		return "", false
	}
	if !l.verified {
		l.verified = true
		l.judged = make([]verdict, 0, len(l.raw))
		for _, raw := range l.raw {
			l.judged = append(l.judged, o.Tokens.verify(ctx, raw, o.Tenants))
		}
	}
	for _, v := range l.judged {
		switch {
		case v.tenant == tenant && v.good():
			return "", false
		case v.tenant == tenant && v.undecided:
			undecided = true
		case v.tenant == tenant || (v.tenant == "" && refused == ""):
			refused = v.refused
		}
	}
	if undecided {
		return "", true
	}
	if refused == "" && rich {
		refused = ReasonTokenTenant
	}
	return refused, false
}
