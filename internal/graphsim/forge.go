package graphsim

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// forgery spoils a batch that is genuine but for this.
type forgery struct {
	token  string                                   // form of the validation token
	tokens string                                   // JSON in place of all tokens
	item   func(*Simulator, *wireItem)              // each item
	seal   func(*Simulator, *terms, []byte) *sealed // in place of the encryption
	body   func([]byte) []byte
}

// forgeries by name. "genuine" has no defect, to prove that the others fail for theirs.
var forgeries = map[string]forgery{
	"genuine":               {},
	"wrong-client-state":    {item: func(s *Simulator, w *wireItem) { w.ClientState = new(s.ids.guid()) }},
	"missing-client-state":  {item: func(_ *Simulator, w *wireItem) { w.ClientState = nil }},
	"unknown-subscription":  {item: func(s *Simulator, w *wireItem) { w.SubscriptionID = s.ids.guid() }},
	"foreign-tenant":        {item: func(s *Simulator, w *wireItem) { w.TenantID = s.keys.foreignTenant }},
	"wrong-audience":        {token: "wrong-audience"},
	"wrong-publisher":       {token: "wrong-publisher"},
	"wrong-issuer":          {token: "wrong-issuer"},
	"wrong-tenant":          {token: "wrong-tenant"},
	"expired-token":         {token: "expired-token"},
	"future-token":          {token: "future-token"},
	"alg-none":              {token: "alg-none"},
	"hs256":                 {token: "hs256"},
	"unknown-kid":           {token: "unknown-kid"},
	"wrong-token-signature": {token: "wrong-token-signature"},
	"null-tokens":           {tokens: "null"},
	"empty-tokens":          {tokens: "[]"},
	"missing-tokens":        {tokens: "-"},
	"garbage-token":         {tokens: `["a.b.c",""]`},
	"wrong-signature":       {item: func(_ *Simulator, w *wireItem) { w.Encrypted.Signature[0] ^= 1 }},
	"changed-data":          {item: func(_ *Simulator, w *wireItem) { w.Encrypted.Data[0] ^= 1 }},
	"truncated":             {item: func(_ *Simulator, w *wireItem) { w.Encrypted.Data = w.Encrypted.Data[:len(w.Encrypted.Data)-7] }},
	"empty-data":            {item: func(_ *Simulator, w *wireItem) { w.Encrypted.Data = []byte{} }},
	"wrong-certificate-id":  {item: func(s *Simulator, w *wireItem) { w.Encrypted.CertID = s.ids.guid() }},
	"no-content":            {item: func(_ *Simulator, w *wireItem) { w.Encrypted = nil }},
	"wrong-key":             {seal: sealForStranger},
	"oaep-sha256":           {seal: sealSHA256},
	"bad-padding":           {seal: sealBadPadding},
	"short-key":             {seal: sealShortKey},
	"not-json-inside": {seal: func(_ *Simulator, t *terms, _ []byte) *sealed {
		return must(seal(t.cert, t.certID, []byte("presence")))
	}},
	"other-person-inside": {seal: sealOtherPerson},
	"truncated-body":      {body: func(b []byte) []byte { return b[:len(b)*2/3] }},
}

// ForgeKinds are the names that [Simulator.Forge] knows, sorted.
func ForgeKinds() []string {
	kinds := make([]string, 0, len(forgeries))
	for k := range forgeries {
		kinds = append(kinds, k)
	}
	slices.Sort(kinds)
	return kinds
}

// Forge writes a batch with exactly one defect, ready for [Simulator.Post]: one item
// for each user (all of the subscription's when none is named, at most ten), telling
// DoNotDisturb/UrgentInterruptionsOnly, a state that [Simulator.Life] never makes. It
// speaks for the first subscription that names the first user. The defects of the
// encryption and the tokens need a rich subscription.
func (s *Simulator) Forge(kind string, userIDs ...string) ([]byte, error) {
	f, ok := forgeries[kind]
	if !ok {
		return nil, fmt.Errorf("forge a batch: unknown kind %q", kind)
	}
	t, users, err := s.victim(userIDs)
	if err != nil {
		return nil, fmt.Errorf("forge a batch: %w", err)
	}
	faults, tenant := s.Faults(), s.tenantID()
	var c collection
	for _, id := range users {
		n := &notification{terms: t, user: id, state: state{"DoNotDisturb", "UrgentInterruptionsOnly", 1 << 30}, first: time.Now()}
		w, err := n.wire(&faults, tenant)
		if err != nil {
			return nil, fmt.Errorf("forge a batch: %w", err)
		}
		if f.seal != nil && w.Encrypted != nil {
			w.Encrypted = f.seal(s, &t, n.plain(&faults))
		}
		if f.item != nil {
			if w.Encrypted == nil {
				w.Encrypted = &sealed{Signature: []byte{0}, Data: make([]byte, 16)} // a basic item, for which some defects mean nothing
				f.item(s, &w)
				w.Encrypted = nil
			} else {
				f.item(s, &w)
			}
		}
		c.Value = append(c.Value, w)
	}
	if t.rich {
		a := audience{t.app, tenant}
		c.Tokens = must(json.Marshal([]string{s.mintValidation(cmp.Or(f.token, faults.ValidationTokens), a, time.Now())}))
	}
	switch f.tokens {
	case "":
	case "-":
		c.Tokens = nil
	default:
		c.Tokens = jsontext.Value(f.tokens)
	}
	body := must(json.Marshal(c))
	if f.body != nil {
		body = f.body(body)
	}
	return body, nil
}

// victim finds the subscription in whose name to speak.
func (s *Simulator) victim(userIDs []string) (terms, []string, error) {
	for _, info := range s.Subscriptions() {
		users := userIDs
		if len(users) == 0 {
			users = info.UserIDs[:min(10, len(info.UserIDs))]
		} else if !slices.ContainsFunc(info.UserIDs, func(id string) bool { return strings.EqualFold(id, users[0]) }) {
			continue
		}
		s.mu.Lock()
		sub := s.subs[info.ID]
		s.mu.Unlock()
		if sub != nil {
			return sub.terms, users, nil
		}
	}
	return terms{}, nil, errors.New("no subscription names these people")
}

// Post delivers exactly this body to the notification URL of the first subscription
// and gives the status of the answer. Faults do not touch it.
func (s *Simulator) Post(ctx context.Context, body []byte) (status int, err error) {
	subs := s.Subscriptions()
	if len(subs) == 0 {
		return 0, errors.New("post a body: there is no subscription")
	}
	return s.PostTo(ctx, subs[0].NotificationURL, body)
}

// PostTo is Post to any URL.
func (s *Simulator) PostTo(ctx context.Context, url string, body []byte) (status int, err error) {
	started := time.Now()
	ctx, cancel := context.WithTimeout(ctx, retryDeadline)
	defer cancel()
	status, err = s.sender.post(ctx, url, "v1_2", body)
	line := Request{At: started, Kind: KindControl, Method: http.MethodPost, Path: url, Status: status, Took: time.Since(started)}
	if err != nil {
		line.Error = err.Error()
		err = fmt.Errorf("post a body: %w", err)
	}
	s.record(line)
	return status, err
}
