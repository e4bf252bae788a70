package graphsim

import "time"

// judgePeriod is the window in which a notification URL's answers are counted, and
// how long a bad judgement lasts.
const judgePeriod = 10 * time.Minute

// An answer is slow, or very slow, beyond these; they are never divided by the speed.
const (
	firstDeadline = 3 * time.Second
	retryDeadline = 10 * time.Second
)

// endpoint is how a notification URL has answered lately.
type endpoint struct {
	since                 time.Time
	answers, slow, crawls int

	slowUntil, dropUntil time.Time
}

// endpoint is never nil; the caller holds mu.
func (s *Simulator) endpoint(url string) *endpoint {
	e := s.courier.endpoints[url]
	if e == nil {
		e = &endpoint{since: time.Now()}
		s.courier.endpoints[url] = e
	}
	return e
}

// answered counts an answer, or a deadline that passed without one.
func (e *endpoint) answered(took time.Duration) {
	e.answers++
	if took >= firstDeadline {
		e.slow++
	}
	if took >= retryDeadline {
		e.crawls++
	}
}

// judge decides at the end of each period and tells when the next one ends: over
// 10 % slow delays new notifications, over 15 % very slow drops them.
func (e *endpoint) judge(now time.Time, period time.Duration) time.Time {
	if now.Sub(e.since) < period {
		return e.since.Add(period)
	}
	if e.slow*100 > e.answers*10 {
		e.slowUntil = now.Add(period)
	}
	if e.crawls*100 > e.answers*15 {
		e.dropUntil = now.Add(period)
	}
	e.since, e.answers, e.slow, e.crawls = now, 0, 0, 0
	return now.Add(period)
}

func (e *endpoint) isSlow(now time.Time) bool { return now.Before(e.slowUntil) }

func (e *endpoint) dropping(now time.Time) bool { return now.Before(e.dropUntil) }
