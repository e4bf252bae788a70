package notification

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/go-json-experiment/json"
	"golang.org/x/sync/singleflight"
)

// How keys are fetched. Microsoft rolls them without notice; a key id that we
// do not know is the sign.
const (
	fetchWithin   = 2 * time.Second // so that a 503 can still leave within 3 s
	refreshEvery  = time.Minute     // at most, on unknown key ids
	retryEvery    = 5 * time.Second // while there are no keys at all
	keysLast      = 24 * time.Hour  // then they are refreshed without another cause
	maxKeyBytes   = 1 << 20         // of a document
	maxUnknown    = 1_024           // key ids remembered as unknown
	minSigningKey = 2048            // bits
)

// keySet holds the issuer and the signing keys of one OpenID configuration.
//
// Microsoft's keys may carry an issuer of their own. It is ignored: a token must
// name the document's issuer, its tenant, audience and publisher exactly.
type keySet struct {
	document  string // address of the OpenID configuration
	authority string // scheme and host that jwks_uri must have
	client    *http.Client
	now       func() time.Time
	log       *slog.Logger
	flight    singleflight.Group

	mu       sync.Mutex
	keys     map[string]*rsa.PublicKey // nil until fetched once
	issuer   string                    // with {tenantid}, as it came with the keys
	fetched  time.Time                 // start of the last fetch that succeeded
	tried    time.Time                 // start of the last fetch
	failed   error                     // of the last fetch
	fetching bool
	unknown  map[string]time.Time // key id -> first seen
}

// find gives the key of a key id. A nil key is decided only when the authority
// was asked after the id was first seen; otherwise it may be a roll-over.
func (s *keySet) find(ctx context.Context, kid string) (key *rsa.PublicKey, decided bool) {
	s.mu.Lock()
	key = s.keys[kid]
	if key == nil {
		s.remember(kid)
	}
	old := s.now().Sub(s.fetched) >= keysLast
	ask := (key == nil || old) && (s.fetching || s.mayFetch())
	s.mu.Unlock()

	if ask {
		done := s.refresh(ctx)
		if key == nil { // an old key serves while the new ones are fetched
			select {
			case <-done:
			case <-ctx.Done():
			}
		}
	}
	if key != nil {
		return key, true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if key = s.keys[kid]; key != nil {
		delete(s.unknown, kid)
		return key, true
	}
	first, seen := s.unknown[kid]
	return nil, seen && s.keys != nil && !s.fetched.Before(first)
}

// remember notes when an unknown key id was first seen, dropping any other one
// when there are too many: that costs a repeated delivery, no more.
func (s *keySet) remember(kid string) {
	if _, seen := s.unknown[kid]; seen {
		return
	}
	if len(s.unknown) >= maxUnknown {
		for other := range s.unknown {
			delete(s.unknown, other)
			break
		}
	}
	s.unknown[kid] = s.now()
}

func (s *keySet) mayFetch() bool {
	wait := refreshEvery
	if s.keys == nil {
		wait = retryEvery
	}
	return s.now().Sub(s.tried) >= wait
}

// warm fetches the keys unless they are there and young. It does not wait for
// the interval between two tries: its caller decides how often to ask.
func (s *keySet) warm(ctx context.Context) error {
	s.mu.Lock()
	young := s.keys != nil && s.now().Sub(s.fetched) < keysLast
	if !young && !s.fetching {
		s.tried = time.Time{}
	}
	s.mu.Unlock()
	if young {
		return nil
	}
	select {
	case r := <-s.refresh(ctx):
		return r.Err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *keySet) ready() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys != nil
}

// refresh fetches the keys once for all who ask at the same time. The fetch
// outlives its first caller, but not its own deadline.
func (s *keySet) refresh(ctx context.Context) <-chan singleflight.Result {
	return s.flight.DoChan("", func() (any, error) {
		s.mu.Lock()
		if !s.mayFetch() { // another flight has just landed
			defer s.mu.Unlock()
			return nil, s.failed
		}
		start := s.now()
		s.tried, s.fetching = start, true
		s.mu.Unlock()

		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchWithin)
		defer cancel()
		keys, issuer, err := s.fetch(ctx)

		s.mu.Lock()
		defer s.mu.Unlock()
		s.fetching = false
		if err != nil {
			s.failed = fmt.Errorf("fetch signing keys: %w", err)
			s.log.Warn("signing keys not refreshed", "document", s.document, "error", err)
			return nil, s.failed
		}
		s.keys, s.issuer, s.fetched, s.failed = keys, issuer, start, nil
		s.log.Info("signing keys refreshed", "document", s.document, "keys", len(keys))
		return nil, nil
	})
}

// issuerOf is the issuer of a tenant's tokens.
func (s *keySet) issuerOf(tenant string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.ReplaceAll(s.issuer, tenantHere, tenant)
}

// tenantHere stands for the tenant in the issuer of a document for all tenants.
const tenantHere = "{tenantid}"

func (s *keySet) fetch(ctx context.Context) (keys map[string]*rsa.PublicKey, issuer string, err error) {
	var config struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	if err := s.get(ctx, s.document, &config); err != nil {
		return nil, "", err
	}
	// Without the place for the tenant, a token of any tenant would do.
	if !strings.Contains(config.Issuer, tenantHere) {
		return nil, "", fmt.Errorf("issuer %.200q has no %s", config.Issuer, tenantHere)
	}
	u, err := url.Parse(config.JWKSURI)
	if err != nil || u.Scheme != "https" || u.Host != s.authority {
		return nil, "", fmt.Errorf("jwks_uri %.200q is not https on %s", config.JWKSURI, s.authority)
	}
	var set struct {
		Keys []optional[signingKey] `json:"keys"`
	}
	if err := s.get(ctx, config.JWKSURI, &set); err != nil {
		return nil, "", err
	}
	keys = map[string]*rsa.PublicKey{}
	for _, k := range set.Keys {
		if public := k.Value.public(); public != nil {
			keys[k.Value.ID] = public
		}
	}
	if len(keys) == 0 {
		return nil, "", errors.New("no usable key in " + config.JWKSURI)
	}
	return keys, config.Issuer, nil
}

// signingKey has the members of a JSON web key that we need; certificates in it
// are not looked at, and addresses of certificates least of all.
type signingKey struct {
	Type string `json:"kty"`
	Use  string `json:"use"`
	ID   string `json:"kid"`
	N    string `json:"n"`
	E    string `json:"e"`
}

// public is nil for keys that no token of ours can be signed with.
func (k signingKey) public() *rsa.PublicKey {
	if k.Type != "RSA" || k.ID == "" || (k.Use != "" && k.Use != "sig") {
		return nil
	}
	parsed, err := jwkset.NewJWKFromMarshal(jwkset.JWKMarshal{KTY: jwkset.KtyRSA, KID: k.ID, N: k.N, E: k.E},
		jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
	if err != nil {
		return nil
	}
	public, ok := parsed.Key().(*rsa.PublicKey)
	if !ok || public.N.BitLen() < minSigningKey {
		return nil
	}
	return public
}

func (s *keySet) get(ctx context.Context, address string, v any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	res, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", address, res.Status)
	}
	if err := json.UnmarshalRead(io.LimitReader(res.Body, maxKeyBytes), v); err != nil {
		return fmt.Errorf("read %s: %w", address, err)
	}
	return nil
}
