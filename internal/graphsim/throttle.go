package graphsim

import (
	"net/http"
	"strconv"
	"sync"
	"time"
)

// limitClass groups the routes that are counted together.
type limitClass int

const (
	limitNone limitClass = iota
	limitPresence
	limitWrite
	limitGet
	limitList
	limitReauthorize
	limitDirectory
)

// limits are Graph's, per app and tenant: so many in so long. The directory's
// depends on the size of the tenant.
var limits = map[limitClass]struct {
	max  int
	span time.Duration
}{
	limitPresence:    {1500, 30 * time.Second},
	limitWrite:       {500, 20 * time.Second},
	limitGet:         {500, 20 * time.Second},
	limitList:        {25, 20 * time.Second},
	limitReauthorize: {1000, 20 * time.Second},
	limitDirectory:   {0, 10 * time.Second},
}

// directoryLimit is in resource units.
func directoryLimit(users int) int {
	switch {
	case users < 50:
		return 3500
	case users <= 500:
		return 5000
	}
	return 8000
}

// throttle counts what came within the window of each class.
type throttle struct {
	mu   sync.Mutex
	hits map[limitClass][]hit
}

type hit struct {
	at   time.Time
	cost int
}

// take counts a request and tells how long to wait when it is one too many.
// Requests made meanwhile go on counting, as at Graph.
func (t *throttle) take(class limitClass, cost, most int, span time.Duration, now time.Time) (retry time.Duration, used int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.hits == nil {
		t.hits = map[limitClass][]hit{}
	}
	list := t.hits[class]
	for len(list) > 0 && now.Sub(list[0].at) >= span {
		list = list[1:]
	}
	for _, h := range list {
		used += h.cost
	}
	if used+cost > most && len(list) > 0 {
		retry = span - now.Sub(list[0].at)
	}
	if used < 2*most { // beyond that it only costs memory
		list = append(list, hit{now, cost})
	}
	t.hits[class] = list
	return retry, used
}

// limit refuses what exceeds the documented limits.
func (s *Simulator) limit(c *call, r route) error {
	rule, counted := limits[r.limit]
	s.mu.Lock()
	off, users := s.faults.NoLimits, len(s.tenant.Users)
	s.mu.Unlock()
	if !counted || off {
		return nil
	}
	cost := max(1, r.cost)
	if r.limit == limitDirectory {
		rule.max = directoryLimit(users)
		if c.URL.Query().Has("$select") {
			cost = max(1, cost-1)
		}
		c.answer.Set("x-ms-resource-unit", strconv.Itoa(cost))
	}
	retry, used := s.throttle.take(r.limit, cost, rule.max, s.scaled(rule.span), time.Now())
	if retry == 0 {
		return nil
	}
	return &graphError{
		status: http.StatusTooManyRequests, code: "TooManyRequests", message: "The request has been throttled.",
		header: http.Header{"Retry-After": {seconds(retry)}, "X-Ms-Throttle-Scope": {"Tenant_Application/ReadWrite"}, "X-Ms-Throttle-Information": {"ResourceUnitLimitExceeded"},
			"X-Ms-Throttle-Limit-Percentage": {percentage(used, rule.max)}},
	}
}

func percentage(used, most int) string {
	return strconv.FormatFloat(float64(used)/float64(most), 'f', 1, 64)
}
