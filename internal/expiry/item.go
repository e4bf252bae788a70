package expiry

import (
	"cmp"
	"slices"
	"time"
)

// Kind of a thing that ends.
type Kind string

// All kinds.
const (
	ClientSecret      Kind = "client_secret"
	ClientCertificate Kind = "client_certificate"
	Password          Kind = "password"
	RefreshToken      Kind = "refresh_token"
	TLSCertificate    Kind = "tls_certificate"
	EncryptionKey     Kind = "encryption_key"
)

// String is the kind in plain words.
func (k Kind) String() string {
	switch k {
	case ClientSecret:
		return "client secret"
	case ClientCertificate:
		return "certificate of the app"
	case Password:
		return "password of the service user"
	case RefreshToken:
		return "sign-in by device code"
	case TLSCertificate:
		return "certificate of the public side"
	case EncryptionKey:
		return "encryption key"
	}
	return string(k)
}

// State of an item.
type State string

// All states.
const (
	Known   State = "known"   // it ends at Ends
	Never   State = "never"   // it does not end
	Unknown State = "unknown" // nobody can tell; Note says why
)

// Item is one thing that ends.
type Item struct {
	Kind     Kind   `json:"kind"`
	TenantID string `json:"tenantId,omitzero"` // empty for what belongs to the whole service
	Tenant   string `json:"tenant,omitzero"`   // its name
	Account  string `json:"account,omitzero"`  // key of the service user; empty for what belongs to the app
	Username string `json:"username,omitzero"` // of the service user; not for logs and metrics

	State State     `json:"state"`
	Ends  time.Time `json:"ends,omitzero"`
	// Note says in plain words how the end is known, or why it is not.
	Note string `json:"note,omitzero"`
	// Advice says what to do before the end, or to make it known.
	Advice string `json:"advice,omitzero"`
	// Permission is the optional one whose lack makes it unknown.
	Permission string `json:"permission,omitzero"`
	// ByItself is what the service replaces by itself: nobody is warned of it,
	// unless it was not replaced.
	ByItself bool `json:"byItself,omitzero"`

	due     time.Time // when what is replaced by itself is to be
	passing bool      // unknown for a reason that passes
}

// Left is how long an item still lives; negative after its end. Ask only what is
// [Known].
func (i Item) Left(now time.Time) time.Duration { return i.Ends.Sub(now) }

func (i Item) unknown(note, advice string) Item {
	i.State, i.Note, i.Advice = Unknown, note, advice
	return i
}

func (i Item) never(note string) Item {
	i.State, i.Note = Never, note
	return i
}

func (i Item) ends(at time.Time, note, advice string) Item {
	i.State, i.Ends, i.Note, i.Advice = Known, at.UTC(), note, advice
	return i
}

// id names an item for as long as the configuration names it.
type id struct {
	kind            Kind
	tenant, account string
}

func (i Item) id() id { return id{i.Kind, i.TenantID, i.Account} }

// sortItems puts what ends first in front, then what is unknown, then the rest.
func sortItems(items []Item) {
	rank := func(i Item) int { return slices.Index([]State{Known, Unknown, Never}, i.State) }
	slices.SortStableFunc(items, func(a, b Item) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), a.Ends.Compare(b.Ends),
			cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Account, b.Account))
	})
}
