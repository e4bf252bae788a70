package events

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	defaultHistory = time.Hour
	// maxDuplicates bounds the server's memory of ids. Graph repeats a
	// notification within minutes as a rule; what comes later is recognised by
	// its state, not by its id.
	maxDuplicates = time.Hour

	bucketStream   = "KV_" + Bucket
	bucketSubjects = "$KV." + Bucket + ".>"

	// personWildcard is one subject for each person; the two wildcards become the key.
	personWildcard = "presence.v1.user.*.*"
	personToKey    = "$KV." + Bucket + ".{{wildcard(1)}}.{{wildcard(2)}}"
)

// StreamOptions are the operator's choices.
type StreamOptions struct {
	// History is how long changes are kept; zero means one hour. The last state
	// of a person is kept in the bucket until they are purged.
	History time.Duration
	// Replicas of stream and bucket; zero means one.
	Replicas int
	// Keep is how long the stream keeps changes for whoever takes them elsewhere,
	// if that is longer than History; MaxBytes bounds the stream, oldest first.
	// Zero means no more than History, and no bound.
	Keep     time.Duration
	MaxBytes int64
	// Batches allows atomic batches, see [PublisherOptions]. It needs nats-server
	// 2.12 or newer.
	Batches bool
}

// Setup creates the stream and the bucket, or changes them to these options
// without losing what they hold beyond the new history. It may be run at every
// start and by several replicas at once. It needs nats-server 2.11 or newer.
func Setup(ctx context.Context, js jetstream.JetStream, o StreamOptions) error {
	return setUp(ctx, o, js.CreateOrUpdateStream)
}

// SetupMissing creates the stream and the bucket where they are missing, and
// leaves them as they are where they exist: on a server that others set up, or
// share. It is an error if what exists cannot do what [Setup]'s can.
func SetupMissing(ctx context.Context, js jetstream.JetStream, o StreamOptions) error {
	return setUp(ctx, o, func(ctx context.Context, want jetstream.StreamConfig) (jetstream.Stream, error) {
		stream, err := js.Stream(ctx, want.Name)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			if stream, err = js.CreateStream(ctx, want); errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
				stream, err = js.Stream(ctx, want.Name) // somebody else was quicker
			}
		}
		if err != nil {
			return nil, err
		}
		return stream, fits(stream.CachedInfo().Config, want)
	})
}

func setUp(ctx context.Context, o StreamOptions, make func(context.Context, jetstream.StreamConfig) (jetstream.Stream, error)) error {
	o.History = cmp.Or(o.History, defaultHistory)
	o.Replicas = cmp.Or(o.Replicas, 1)
	// The server's smallest duplicate window is 100 ms.
	if o.History < time.Second {
		return fmt.Errorf("set up stream %s: history of %s is less than a second", Stream, o.History)
	}
	for _, config := range []jetstream.StreamConfig{streamConfig(o), bucketConfig(o)} {
		if _, err := make(ctx, config); err != nil {
			return fmt.Errorf("set up stream %s: %w", config.Name, explain(err, o))
		}
	}
	return nil
}

// fits reports what an existing stream lacks.
func fits(have, want jetstream.StreamConfig) error {
	for _, subject := range want.Subjects {
		if !slices.Contains(have.Subjects, subject) {
			return fmt.Errorf("it exists without the subject %s; add that, or delete the stream and let it be made anew", subject)
		}
	}
	switch {
	case !have.AllowRollup:
		return errors.New("it exists without allow_rollup_hdrs, so that nobody could be purged; delete the stream and let it be made anew")
	case !have.AllowMsgTTL:
		return errors.New("it exists without allow_msg_ttl; switch that on, or delete the stream and let it be made anew")
	case len(want.Sources) != len(have.Sources):
		return fmt.Errorf("it exists without its source %s; delete the stream and let it be made anew", Stream)
	}
	return nil
}

func streamConfig(o StreamOptions) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        Stream,
		Description: "Presence Bridge: events as they happened",
		Subjects:    StreamSubjects(),
		Storage:     jetstream.FileStorage,
		Replicas:    o.Replicas,
		Discard:     jetstream.DiscardOld,
		MaxAge:      max(o.History, o.Keep),
		MaxBytes:    cmp.Or(o.MaxBytes, -1),
		Duplicates:  min(o.History, maxDuplicates),
		AllowDirect: true,
		AllowRollup: true,
		AllowMsgTTL: true,

		AllowAtomicPublish: o.Batches,
	}
}

// bucketConfig is what a client's CreateKeyValue would make, but filled by the
// server from the stream: one write, one truth.
func bucketConfig(o StreamOptions) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        bucketStream,
		Description: "Presence Bridge: the last state of every person",
		Subjects:    []string{bucketSubjects},
		Storage:     jetstream.FileStorage,
		Replicas:    o.Replicas,
		Discard:     jetstream.DiscardNew,
		// Copies come in the stream's order and once: the server needs no memory of
		// their ids, and this is the least that it can have.
		Duplicates:        100 * time.Millisecond,
		MaxMsgsPerSubject: 1,
		AllowDirect:       true,
		AllowRollup:       true,
		AllowMsgTTL:       true,
		DenyDelete:        true,
		Sources: []*jetstream.StreamSource{{
			Name: Stream,
			SubjectTransforms: []jetstream.SubjectTransformConfig{{
				Source: personWildcard, Destination: personToKey,
			}},
		}},
	}
}

// codes of the server's errors that an operator can do something about.
const (
	codeInsufficientResources = 10023
	codeNoPeers               = 10005
	codeReplicasNotSupported  = 10074
	codeStorageExceeded       = 10047
	codeSubjectOverlap        = 10065
)

// explain adds what to do to an error of JetStream.
func explain(err error, o StreamOptions) error {
	advice := ""
	if api, ok := errors.AsType[*jetstream.APIError](err); ok {
		switch api.ErrorCode {
		case jetstream.JSErrCodeJetStreamNotEnabled, jetstream.JSErrCodeJetStreamNotEnabledForAccount:
			advice = "enable JetStream on the server and for this account"
		case codeNoPeers, codeReplicasNotSupported:
			advice = fmt.Sprintf("the cluster cannot hold %d replicas; set nats.replicas to the number of its JetStream servers or less", o.Replicas)
		case codeInsufficientResources, codeStorageExceeded:
			advice = "give JetStream more storage, shorten events.history or lower nats.forward.max_mib"
		case codeSubjectOverlap:
			advice = "another stream takes in presence.v1 subjects; remove them from it"
		}
	}
	switch {
	case errors.Is(err, nats.ErrReconnectBufExceeded):
		return errNoConnection
	case errors.Is(err, nats.ErrNoResponders):
		advice = "nobody answers for JetStream: enable it on the server, or wait for the cluster to elect a leader"
	case errors.Is(err, nats.ErrPermissionViolation), errors.Is(err, context.DeadlineExceeded):
		advice = "if the server is up, allow this user to publish to $JS.API.> and to subscribe to _INBOX.>"
	}
	if advice == "" {
		return err
	}
	return fmt.Errorf("%w; %s", err, advice)
}
