package graphsim

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Faults are the switches. The zero value is a Graph that does what its newest
// documentation says; times are divided by [Options.Speed] unless a field says
// otherwise. Rates go from 0 (never) to 1 (always).
type Faults struct {
	// Sign-in.

	// SignIn makes sign-in answer these AADSTS codes: keyed by a user principal
	// name, by the app's id, or by "*" for everybody.
	SignIn map[string]int
	// TokenLife is how long access tokens live; 0 means 3,599 s.
	TokenLife time.Duration
	// RollKeysEvery replaces the signing key so often; 0 never does.
	RollKeysEvery time.Duration

	// Any Graph request.

	// Throttle is the rate of requests answered 429.
	Throttle float64
	// RetryAfter is the Retry-After of 429 and 503, not divided by Speed; 0 means 1 s.
	RetryAfter time.Duration
	// NoRetryAfter leaves Retry-After out.
	NoRetryAfter bool
	// NoLimits switches the documented throttling limits off.
	NoLimits bool
	// Unavailable is how many requests, one in ten of those that come, are
	// answered 503 before it is over.
	Unavailable int
	// Refuse answers requests by their path before anything else looks at them.
	Refuse []Refusal
	// Delay is waited before every answer, not divided by Speed.
	Delay time.Duration
	// ClockAhead is how far the Date header of every answer is ahead.
	ClockAhead time.Duration
	// UnknownMembers adds members to JSON objects that no documentation knows.
	UnknownMembers bool
	// ClaimsChallenge answers so many requests 401 with a claims challenge.
	ClaimsChallenge int

	// Directory.

	// EmptyPages puts an empty page with a nextLink before other pages, at this rate.
	EmptyPages float64
	// ThrottlePages answers a page after the first 429, at this rate.
	ThrottlePages float64
	// ExpirePages makes page tokens useless, at this rate.
	ExpirePages float64
	// ExpireDelta makes every delta token too old: 410 with a Location.
	ExpireDelta bool
	// SyncStateNotFound makes that the older 400.
	SyncStateNotFound bool

	// DirectoryLag is how long what was written to the directory is unknown to
	// other requests and to sign-in: 404, or 400 where it is referred to.
	DirectoryLag time.Duration

	// Presence.

	// CamelCase spells availability and activity in lower camel case.
	CamelCase bool
	// UnknownValues lets [Simulator.Life] use values that no list names.
	UnknownValues bool
	// NoSequence leaves sequenceNumber out of reads.
	NoSequence bool
	// UnknownPeople tells people that the tenant does not have as PresenceUnknown
	// instead of leaving them out.
	UnknownPeople bool

	// Subscriptions.

	// ClampExpiry shortens an expiry beyond 60 minutes instead of refusing it.
	ClampExpiry bool
	// GhostConflict answers 409 for so long after a deletion.
	GhostConflict time.Duration
	// BrokenUsers are user ids that make a create answer 500.
	BrokenUsers []string
	// LostCreates is how many creates succeed and then answer 504.
	LostCreates int
	// Revalidate says when PATCH repeats the handshake: "" when notificationUrl
	// changes, "always", "never".
	Revalidate string
	// PatchCanceledEvery makes every n-th PATCH answer "A task was canceled.".
	PatchCanceledEvery int
	// PatchDelay is how long those take before they answer.
	PatchDelay time.Duration
	// StrictReauthorize answers 400 where reauthorize and PATCH come within 10
	// minutes; otherwise the history notes a breach.
	StrictReauthorize bool
	// Lifecycle is "" for reauthorizationRequired from 15 minutes before the end,
	// "off", or "flood" for one every 10 seconds.
	Lifecycle string

	// Delivery.

	// Latency is between a change and its notification, not divided by Speed; up
	// to half of it again is added at random.
	Latency time.Duration
	// BatchWindow is how long a notification waits for company, not divided by
	// Speed; 0 means 20 ms, negative none.
	BatchWindow time.Duration
	// BatchSize is the most items of one POST; 0 means 50.
	BatchSize int
	// MixedBatches puts items of several subscriptions with the same URL into one POST.
	MixedBatches bool
	// Duplicates is the rate of notifications that are sent twice.
	Duplicates float64
	// LostAnswers is the rate of 2xx answers that never arrive: the same items are
	// sent again by the retry schedule.
	LostAnswers float64
	// Reorder shuffles the items of a POST.
	Reorder bool
	// ForeignItems is the rate of POSTs with one more item, of another tenant and app.
	ForeignItems float64
	// Stalled are the user names whose subscriptions look well and get nothing;
	// "*" stands for all.
	Stalled []string
	// DeliverAfterTokenEnd goes on although the creator's token has expired.
	DeliverAfterTokenEnd bool
	// NoSlowState switches the slow and drop states of endpoints off.
	NoSlowState bool
	// SlowDelay is how long new notifications of a slow endpoint are delayed; 0
	// means 10 minutes, older documentation says 10 seconds.
	SlowDelay time.Duration
	// AnswerDeadline is how long a first attempt waits for its answer, not divided
	// by Speed; 0 means 3 s, older documentation says 10 s.
	AnswerDeadline time.Duration

	// Form of notifications.

	// ResourceForm is "" for communications/presences('id') or "slash".
	ResourceForm string
	// CapitalType spells #Microsoft.Graph.presence.
	CapitalType bool
	// NullID sends resourceData.id as null.
	NullID bool
	// ClearPresence puts availability and activity into basic items.
	ClearPresence bool
	// SevenDigits prints times with seven digits; in notifications with +00:00.
	SevenDigits bool
	// SequenceInNotifications puts sequenceNumber into the encrypted presence.
	SequenceInNotifications bool
	// ItemIDs gives every notification the optional id.
	ItemIDs bool
	// ValidationTokens is "" or "v2", "v1", or one of the defects "null",
	// "wrong-audience", "wrong-publisher", "wrong-issuer", "wrong-tenant",
	// "expired-token", "unknown-kid", "alg-none", "hs256", "wrong-token-signature".
	ValidationTokens string
}

// Refusal is an answer by path.
type Refusal struct {
	Method  string // "" is any
	Path    string // a part of the path, as "subscriptions"
	Status  int    // 429, 503, …
	Code    string // error.code; "" picks one by status
	Message string
	Times   int // how often; 0 is always
}

// DefaultFaults is what a client must cope with on an ordinary day.
func DefaultFaults() Faults {
	return Faults{
		Throttle:       0.005,
		Unavailable:    1,
		UnknownMembers: true,
		EmptyPages:     0.25,
		MixedBatches:   true,
		Duplicates:     0.05,
		CapitalType:    true,
		SevenDigits:    true,
	}
}

func (f Faults) clone() Faults {
	f.SignIn = maps.Clone(f.SignIn)
	f.Refuse = slices.Clone(f.Refuse)
	f.BrokenUsers = slices.Clone(f.BrokenUsers)
	f.Stalled = slices.Clone(f.Stalled)
	return f
}

func (f Faults) retryAfter() time.Duration { return cmp.Or(f.RetryAfter, time.Second) }

func (f Faults) tokenLife() time.Duration { return cmp.Or(f.TokenLife, 3599*time.Second) }

func (f Faults) slowDelay() time.Duration { return cmp.Or(f.SlowDelay, judgePeriod) }

func (f Faults) answerDeadline() time.Duration { return cmp.Or(f.AnswerDeadline, firstDeadline) }

func (f Faults) batchSize() int { return cmp.Or(f.BatchSize, 50) }

func (f Faults) batchWindow() time.Duration {
	switch {
	case f.BatchWindow > 0:
		return f.BatchWindow
	case f.BatchWindow < 0:
		return 0
	}
	return 20 * time.Millisecond
}
