package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/rules"
)

// record is what is kept about one person for one client. In the bucket it
// stands under <client>.<userId>, for whoever wants the last decisions at once.
type record struct {
	Client   string `json:"client"`
	TenantID string `json:"tenantId"`
	UserID   string `json:"userId"`
	rules.State
	DecisionID string `json:"decisionId,omitempty"` // of the last decision event
	EventID    string `json:"eventId"`              // the user event that was judged last
	Rules      string `json:"rules"`                // fingerprint of the rules that judged it
	// Where that event stands on the stream and when it was published: an event is
	// old only if both say so. The stream may have been made anew, and the clocks
	// of two bridges may differ.
	Sequence    uint64    `json:"sequence"`
	PublishedAt time.Time `json:"publishedAt"`
}

// knows reports whether the record is about this event or a later one.
func (r *record) knows(e events.UserEvent) bool {
	return r.Sequence >= e.Sequence && !e.Data.PublishedAt.After(r.PublishedAt)
}

func (r *record) key() string { return r.Client + "." + r.UserID }

// book holds all records, in memory and in a bucket of JetStream. It is not safe
// for concurrent use.
type book struct {
	kv    jetstream.KeyValue
	pages map[string]page
}

type page struct {
	record
	revision uint64 // of the entry in the bucket; zero when there is none
}

// markTTL is how long the bucket remembers that somebody left.
const markTTL = time.Hour

// openBook makes the bucket if it is missing and reads it.
func openBook(ctx context.Context, js jetstream.JetStream, name string, replicas int) (*book, error) {
	kv, err := js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket: name, Description: "acdadapter: the last decision about every person",
		History: 1, Storage: jetstream.FileStorage, Replicas: replicas, LimitMarkerTTL: markTTL,
	})
	if err != nil {
		return nil, fmt.Errorf("make bucket %s: %w", name, err)
	}
	b := &book{kv: kv, pages: map[string]page{}}
	watcher, err := kv.WatchAll(ctx, jetstream.IgnoreDeletes())
	if err != nil {
		return nil, fmt.Errorf("read bucket %s: %w", name, err)
	}
	defer watcher.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("read bucket %s: %w", name, ctx.Err())
		case entry, open := <-watcher.Updates():
			if !open {
				return nil, fmt.Errorf("read bucket %s: the connection was lost", name)
			}
			if entry == nil {
				return b, nil
			}
			if err := b.turn(entry); err != nil {
				return nil, err
			}
		}
	}
}

// turn takes over what the bucket holds.
func (b *book) turn(entry jetstream.KeyValueEntry) error {
	p := page{revision: entry.Revision()}
	if err := json.Unmarshal(entry.Value(), &p.record); err != nil {
		return fmt.Errorf("bucket %s, key %s: %w; purge the key to go on", b.kv.Bucket(), entry.Key(), err)
	}
	b.pages[entry.Key()] = p
	return nil
}

// put keeps a record. Should the entry have changed behind our back, which it
// also has when the answer to an earlier put was lost, it takes over what is
// there and says so: the caller decides again.
func (b *book) put(ctx context.Context, r record) error {
	value, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("keep a decision of client %s: %w", r.Client, err)
	}
	var revision uint64
	if before := b.pages[r.key()].revision; before == 0 {
		revision, err = b.kv.Create(ctx, r.key(), value)
	} else {
		revision, err = b.kv.Update(ctx, r.key(), value, before)
	}
	if err == nil {
		b.pages[r.key()] = page{r, revision}
		return nil
	}
	if errors.Is(err, jetstream.ErrKeyExists) {
		err = errors.Join(err, b.reread(ctx, r.key()))
	}
	return fmt.Errorf("keep a decision of client %s: %w", r.Client, err)
}

func (b *book) reread(ctx context.Context, key string) error {
	entry, err := b.kv.Get(ctx, key)
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound):
		delete(b.pages, key)
		return nil
	case err != nil:
		return err
	}
	return b.turn(entry)
}

// forget removes a record, and after a while the mark that there was one.
func (b *book) forget(ctx context.Context, key string) error {
	if err := b.kv.Purge(ctx, key, jetstream.PurgeTTL(markTTL)); err != nil {
		return fmt.Errorf("forget a person: %w", err)
	}
	delete(b.pages, key)
	return nil
}
