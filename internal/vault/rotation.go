package vault

import "time"

const (
	// RotateAfter is how old the current key becomes.
	RotateAfter = 365 * 24 * time.Hour
	// forgetAfter is how long after the last sign of it a retired key may still be
	// needed: a subscription that nobody sees any more lives an hour at most, and
	// Graph sends what it encrypted again for four; one more is for clocks.
	// Source: Graph, "rich notifications" and "delivery through webhooks".
	forgetAfter = 6 * time.Hour
)

// Due tells what is to be done about the keys, given the current one first:
// whether it is time for a new one, and which retired ones nothing needs any
// more. referred is when a subscription was last seen to be encrypted with a
// key; for one that was not seen since, the start of the process, which does not
// know what was before.
func Due(keys []EncryptionKey, referred func(id string) time.Time, now time.Time) (rotate bool, forget []string) {
	for i, k := range keys {
		if i == 0 {
			rotate = now.Sub(k.Created) >= RotateAfter
			continue
		}
		if !now.Before(NeededUntil(k, referred(k.ID))) {
			forget = append(forget, k.ID)
		}
	}
	return rotate, forget
}

// NeededUntil is when a retired key may be forgotten, given when a subscription
// was last seen here to be encrypted with it.
func NeededUntil(k EncryptionKey, seen time.Time) time.Time {
	return latest(latest(seen, k.Seen), k.Retired).Add(forgetAfter)
}
