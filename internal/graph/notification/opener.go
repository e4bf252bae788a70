package notification

import (
	"context"
	"crypto/rsa"
	"errors"
	"runtime"
	"strings"
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
	slots chan struct{}
}

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
	return &Opener{Options: o, slots: make(chan struct{}, runtime.GOMAXPROCS(0))}
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

// Open decodes, verifies and decrypts. The only error is [ErrMalformed]; when
// ctx ends first, what remains is undecided. The body is not kept.
func (o *Opener) Open(ctx context.Context, body []byte) (Batch, error) {
	c, err := Decode(body)
	if err != nil {
		return Batch{}, err
	}
	op := opening{Opener: o, tokens: tokenList{raw: c.Tokens}, now: o.Now(), Batch: Batch{Items: len(c.Items)}}
	for i := range c.Items {
		op.item(ctx, &c.Items[i])
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

func (op *opening) item(ctx context.Context, i *Item) {
	if i.malformed {
		op.refuse(ReasonMalformedItem)
		return
	}
	tenant := i.tenant()
	if _, ok := op.Tenants[tenant]; !ok {
		op.refuse(ReasonUnknownTenant)
		return
	}
	slot, ok := op.ClientStates.Slot(tenant, i.ClientState)
	if !ok {
		op.refuse(ReasonClientState)
		return
	}
	var user string
	if i.LifecycleEvent == "" {
		var refused Reason
		if user, refused = i.user(); refused != "" {
			op.refuse(refused)
			return
		}
	}
	rich := i.LifecycleEvent == "" && i.Encrypted != nil
	refused, undecided := op.tokens.judge(ctx, op.Opener, tenant, rich)
	switch {
	case undecided:
		op.Undecided++
	case refused != "":
		op.refuse(refused)
	case i.LifecycleEvent != "":
		op.Lifecycle = append(op.Lifecycle, graph.Lifecycle{
			TenantID: tenant, SubscriptionID: i.SubscriptionID, Slot: slot, Event: knownSpelling(i.LifecycleEvent),
		})
	case rich:
		op.rich(ctx, i, tenant, user)
	case i.ResourceData.hasState():
		op.read(i, &i.ResourceData, tenant, user)
	case user == "":
		op.refuse(ReasonNoUser)
	default:
		op.Unread = append(op.Unread, graph.Person{TenantID: tenant, UserID: user})
	}
}

func (op *opening) rich(ctx context.Context, i *Item, tenant, user string) {
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
	op.read(i, &r, tenant, user)
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
func (op *opening) read(i *Item, r *resource, tenant, user string) {
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
		TenantID:        tenant,
		Presence:        r.presence(user),
		Origin:          graph.OriginNotification,
		ObservedAt:      op.now,
		NotificationKey: i.key(tenant, user, r.SequenceNumber.Value),
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
