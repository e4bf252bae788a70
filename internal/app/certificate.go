package app

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificate serves a key pair from files and takes up a changed one without
// a restart.
type certificate struct {
	certFile, keyFile string
	log               *slog.Logger

	mu      sync.Mutex
	pair    *tls.Certificate
	served  [2]time.Time // modification times of the files of pair
	checked time.Time
	said    string // the last failure that the log has seen
}

// recheck is how often the files are looked at, at most.
const recheck = 5 * time.Second

func newCertificate(certFile, keyFile string, log *slog.Logger) (*certificate, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile, log: log}
	return c, c.load()
}

// get is for tls.Config.GetCertificate. A changed pair that cannot be read, or
// whose halves do not fit yet, leaves the one that is served.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.checked) > recheck {
		err := c.load()
		if err != nil && err.Error() != c.said {
			c.log.Error("changed certificate not taken up, the former one is served", "error", err)
		}
		if c.said = ""; err != nil {
			c.said = err.Error()
		}
	}
	return c.pair, nil
}

func (c *certificate) load() error {
	c.checked = time.Now()
	var times [2]time.Time
	for i, file := range []string{c.certFile, c.keyFile} {
		info, err := os.Stat(file)
		if err != nil {
			return fmt.Errorf("load certificate: %w", err)
		}
		times[i] = info.ModTime()
	}
	if times == c.served {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("load certificate %s with key %s: %w", c.certFile, c.keyFile, err)
	}
	if c.pair != nil {
		c.log.Info("changed certificate taken up", "not_after", pair.Leaf.NotAfter)
	}
	c.pair, c.served = &pair, times
	return nil
}
