package app

import (
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"jtel.de/presencebridge/internal/graph/signin"
)

// tolerated is how wrong this machine's clock may be. Microsoft's tokens are
// refused from five minutes on.
const tolerated = 2 * time.Minute

const setTheClock = "set it and keep it right, for example with: timedatectl set-ntp true"

// clock compares this machine's clock with Microsoft's, by the answers that
// sign-in gets anyway: a wrong one looks like a hundred other troubles.
type clock struct {
	log *slog.Logger

	mu    sync.Mutex
	wrong string
}

// client is for sign-ins.
func (c *clock) client(roots *x509.CertPool) *http.Client {
	h := signin.NewHTTP(roots)
	h.Transport = watched{h.Transport, c}
	return h
}

// trouble says what is wrong with the clock; empty if nothing is known to be.
func (c *clock) trouble() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wrong
}

func (c *clock) note(wrong string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if wrong != "" && c.wrong == "" {
		c.log.Error("the clock of this machine is wrong", "why", wrong)
	}
	c.wrong = wrong
}

// watched looks at the times of answers.
type watched struct {
	http.RoundTripper
	clock *clock
}

func (w watched) RoundTrip(r *http.Request) (*http.Response, error) {
	before := time.Now()
	res, err := w.RoundTripper.RoundTrip(r)
	after := time.Now()
	if wrong, known := judgeClock(res, err, before, after); known {
		w.clock.note(wrong)
	}
	return res, err
}

// judgeClock says what an answer tells about our clock; known is false if that
// is nothing. An answer's time has whole seconds and is between the two of ours.
func judgeClock(res *http.Response, err error, before, after time.Time) (wrong string, known bool) {
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		return fmt.Sprintf("it shows %s, when a certificate of Microsoft's is not valid; if that is not the time, %s",
			after.UTC().Format(time.RFC3339), setTheClock), true
	}
	if err != nil {
		return "", false
	}
	theirs, err := http.ParseTime(res.Header.Get("Date"))
	if err != nil {
		return "", false
	}
	switch {
	case theirs.Add(time.Second).Before(before.Add(-tolerated)):
		return fmt.Sprintf("it is %s ahead of Microsoft's; %s", before.Sub(theirs).Round(time.Second), setTheClock), true
	case theirs.After(after.Add(tolerated)):
		return fmt.Sprintf("it is %s behind Microsoft's; %s", theirs.Sub(after).Round(time.Second), setTheClock), true
	}
	return "", true
}
