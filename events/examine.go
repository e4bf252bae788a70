package events

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go/jetstream"
)

// Examination is what stands between a server as it is and what [Setup] makes of it.
type Examination struct {
	Missing []string // streams that Setup will make
	Changes []Change // settings that differ
	// Overlap are other streams that take in our subjects: Setup fails.
	Overlap []string
}

// Change is a setting of a stream that is not as it shall be.
type Change struct {
	Stream, Setting, Is, Wanted string
	// Fixed settings cannot be changed: Setup fails until the stream is deleted.
	Fixed bool
}

// Examine compares what Setup would make with what is there, and changes nothing.
func Examine(ctx context.Context, js jetstream.JetStream, o StreamOptions) (Examination, error) {
	o.History, o.Replicas = cmp.Or(o.History, defaultHistory), cmp.Or(o.Replicas, 1)
	var found Examination
	for _, wanted := range []jetstream.StreamConfig{streamConfig(o), bucketConfig(o)} {
		s, err := js.Stream(ctx, wanted.Name)
		switch {
		case errors.Is(err, jetstream.ErrStreamNotFound):
			found.Missing = append(found.Missing, wanted.Name)
		case err != nil:
			return found, fmt.Errorf("examine stream %s: %w", wanted.Name, err)
		default:
			found.Changes = append(found.Changes, changes(s.CachedInfo().Config, wanted)...)
		}
	}
	for _, subject := range append(StreamSubjects(), bucketSubjects) {
		names := js.StreamNames(ctx, jetstream.WithStreamListSubject(subject))
		for name := range names.Name() {
			if name != Stream && name != bucketStream && !slices.Contains(found.Overlap, name) {
				found.Overlap = append(found.Overlap, name)
			}
		}
		if err := names.Err(); err != nil {
			return found, fmt.Errorf("find streams that take in %s: %w", subject, err)
		}
	}
	return found, nil
}

func changes(is, wanted jetstream.StreamConfig) (list []Change) {
	add := func(setting string, is, wanted any, fixed bool) {
		if a, b := fmt.Sprint(is), fmt.Sprint(wanted); a != b {
			list = append(list, Change{Setting: setting, Is: a, Wanted: b, Fixed: fixed})
		}
	}
	add("storage", is.Storage, wanted.Storage, true)
	add("retention", is.Retention, wanted.Retention, true)
	add("subjects", is.Subjects, wanted.Subjects, false)
	add("sources", len(is.Sources), len(wanted.Sources), false)
	add("replicas", is.Replicas, wanted.Replicas, false)
	add("max_age", is.MaxAge, wanted.MaxAge, false)
	add("duplicate_window", is.Duplicates, cmp.Or(wanted.Duplicates, is.Duplicates), false)
	add("max_msgs_per_subject", limit(is.MaxMsgsPerSubject), limit(wanted.MaxMsgsPerSubject), false)
	add("max_msgs", limit(is.MaxMsgs), limit(wanted.MaxMsgs), false)
	add("max_bytes", limit(is.MaxBytes), limit(wanted.MaxBytes), false)
	add("allow_direct", is.AllowDirect, wanted.AllowDirect, false)
	add("allow_rollup_hdrs", is.AllowRollup, wanted.AllowRollup, false)
	add("allow_msg_ttl", is.AllowMsgTTL, wanted.AllowMsgTTL, false)
	add("sealed", is.Sealed, false, true)
	for i := range list {
		list[i].Stream = wanted.Name
	}
	return list
}

// limit: the server tells "no limit" as -1, we ask for it with 0.
func limit(n int64) int64 { return max(n, 0) }
