package vault

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// noteAfter keeps what instances tell each other of retired keys from being
// written at every look.
const noteAfter = time.Minute

// Sightings is what this process knows of the use of keys, by id.
type Sightings interface {
	// Seen is when a subscription was last seen to be encrypted with a key; zero
	// if this process has not seen one.
	Seen(id string) time.Time
	// Referred is that, or what is to be assumed in its place.
	Referred(id string) time.Time
}

// Tend makes a new key when it is time and forgets the retired ones that nothing
// needs, see [Due]. Instances that share the state rotate once together, and
// none forgets what another one has seen in use.
func (v *Vault) Tend(ctx context.Context, here Sightings, now time.Time) error {
	var made, gone []string
	err := v.update(ctx, func(s *state) error {
		made, gone = nil, nil
		changed := v.Shared() && s.note(here.Seen)
		rotate, forget := Due(s.keys, here.Referred, now)
		if rotate {
			key, err := newEncryptionKey(v.bits, now)
			if err != nil {
				return err
			}
			s.add(key)
			made = append(made, key.ID)
		}
		s.keys = slices.DeleteFunc(s.keys, func(k EncryptionKey) bool { return slices.Contains(forget, k.ID) })
		if gone = forget; !changed && !rotate && len(forget) == 0 {
			return errUnchanged
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("tend encryption keys: %w", err)
	}
	for _, id := range made {
		v.log.InfoContext(ctx, "encryption key rotated", "certificate", id)
	}
	for _, id := range gone {
		v.log.InfoContext(ctx, "encryption key forgotten", "certificate", id)
	}
	return nil
}

// note takes in when retired keys were seen, and reports whether that is news.
func (s *state) note(seen func(id string) time.Time) (news bool) {
	for i := 1; i < len(s.keys); i++ {
		if at := seen(s.keys[i].ID).UTC().Truncate(time.Second); at.Sub(s.keys[i].Seen) > noteAfter {
			s.keys[i].Seen, news = at, true
		}
	}
	return news
}

// add makes a key the current one.
func (s *state) add(key EncryptionKey) {
	s.keys[0].Retired = key.Created
	s.keys = slices.Insert(s.keys, 0, key)
}

func latest(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// errUnchanged leaves everything as it is, and is no error of an update.
var errUnchanged = errors.New("nothing is to be changed")
