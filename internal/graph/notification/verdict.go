package notification

import (
	"crypto/sha256"
	"sync"
	"time"
)

const maxVerdicts = 1_024

// verdict is what became of a token.
type verdict struct {
	tenant    string // the token's tid in lower case, also of a refused one; empty when unreadable
	audience  string
	refused   Reason // empty when it is good or undecided
	undecided bool
	expires   time.Time
}

func (v verdict) good() bool { return v.refused == "" && !v.undecided }

// verdicts remembers good tokens until they expire: Graph sends the same one
// for about a day. Bad ones are not kept, so no storm of them evicts a good one.
type verdicts struct {
	mu   sync.Mutex
	good map[[sha256.Size]byte]verdict
}

func (c *verdicts) get(token string, now time.Time) (verdict, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, ok := c.good[sha256.Sum256([]byte(token))]
	return v, ok && now.Before(v.expires)
}

func (c *verdicts) put(token string, v verdict, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.good) >= maxVerdicts {
		c.makeRoom(now)
	}
	c.good[sha256.Sum256([]byte(token))] = v
}

// makeRoom drops what has expired, and any one if nothing has.
func (c *verdicts) makeRoom(now time.Time) {
	for key, v := range c.good {
		if !now.Before(v.expires) {
			delete(c.good, key)
		}
	}
	for key := range c.good {
		if len(c.good) < maxVerdicts {
			return
		}
		delete(c.good, key)
	}
}
