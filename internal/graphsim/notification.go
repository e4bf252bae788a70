package graphsim

import (
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

// notification is what a subscription has to be told, whatever number of times it
// is sent. Its encryption is done once, so that every copy is the same.
type notification struct {
	terms     // of the subscription when it came up
	user      string
	state     state
	lifecycle string // the event; empty for a change
	first     time.Time
	itemID    string

	once   sync.Once
	sealed *sealed
}

// notify queues a change for one subscription; the caller holds mu.
func (s *Simulator) notify(sub *subscription, user string, p state) {
	if !s.alive(sub) || s.stalled(sub.account) {
		return
	}
	now := time.Now()
	url := s.endpoint(sub.url)
	if s.courier.pending >= pendingMax || url.dropping(now) {
		sub.dropped++
		return
	}
	n := &notification{terms: sub.terms, user: user, state: p, first: now}
	if s.faults.ItemIDs {
		n.itemID = s.ids.guid()
	}
	ready := now.Add(s.latency())
	if url.isSlow(now) {
		ready = ready.Add(s.scaled(s.faults.slowDelay()))
	}
	copies := 1
	if s.chance.chance(s.faults.Duplicates) {
		copies = 2
	}
	for range copies {
		s.courier.pending++
		s.courier.put(&item{notification: n, url: sub.url, ready: ready}, laneOf(user))
	}
	s.courier.wakeUp()
}

func (s *Simulator) stalled(account string) bool {
	return slices.ContainsFunc(s.faults.Stalled, func(a string) bool { return a == "*" || strings.EqualFold(a, account) })
}

// latency is between the change and its notification; the caller holds mu.
func (s *Simulator) latency() time.Duration {
	l := s.faults.Latency
	if l <= 0 {
		return 0
	}
	return l + time.Duration(s.chance.intn(int(l/2)+1))
}

// lifecyclePeriod is between the end of a token or subscription and the first
// reauthorizationRequired; more follow at a third of it.
const lifecyclePeriod = 15 * time.Minute

// nextLifecycle is when the next reauthorizationRequired of a subscription is due,
// the last one having been sent at last; zero: never. The caller holds mu.
func (s *Simulator) nextLifecycle(sub *subscription, last time.Time) time.Time {
	if sub.lifecycleURL == "" || s.faults.Lifecycle == "off" {
		return time.Time{}
	}
	if s.faults.Lifecycle == "flood" {
		if last.IsZero() {
			last = time.Now()
		}
		return last.Add(s.scaled(10 * time.Second))
	}
	due := earlier(sub.expires, sub.tokenEnds).Add(-s.scaled(lifecyclePeriod))
	if !last.IsZero() {
		due = last.Add(s.scaled(lifecyclePeriod / 3))
	}
	return due
}

// Lifecycle queues a lifecycle event of a subscription, such as
// "reauthorizationRequired", "subscriptionRemoved" or "missed". It reports whether
// the subscription exists and named a URL for it.
func (s *Simulator) Lifecycle(id, event string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub := s.subs[id]
	if sub == nil || sub.lifecycleURL == "" {
		return false
	}
	s.notifyLifecycle(sub, event)
	return true
}

// notifyLifecycle: the caller holds mu.
func (s *Simulator) notifyLifecycle(sub *subscription, event string) {
	now := time.Now()
	n := &notification{terms: sub.terms, lifecycle: event, first: now}
	s.courier.pending++
	s.courier.put(&item{notification: n, url: sub.lifecycleURL, ready: now}, laneOf(sub.id))
	s.courier.wakeUp()
}

// tick ends what has expired, asks for reauthorization, rolls keys, judges
// endpoints, and tells when to look again; the caller holds mu.
func (s *Simulator) tick(now time.Time) time.Time {
	next := now.Add(time.Hour)
	for _, sub := range s.subs {
		if !now.Before(sub.expires) {
			s.log.Info("simulated subscription expired", slog.String("id", sub.id))
			s.end(sub)
			continue
		}
		next = earlier(next, sub.expires)
		if due := sub.lifecycleDue; !due.IsZero() && !now.Before(due) {
			sub.lifecycleDue = s.nextLifecycle(sub, now)
			if s.faults.Lifecycle != "off" && !s.stalled(sub.account) {
				s.notifyLifecycle(sub, "reauthorizationRequired")
			}
		}
		if !sub.lifecycleDue.IsZero() {
			next = earlier(next, sub.lifecycleDue)
		}
	}
	for _, e := range s.courier.endpoints {
		next = earlier(next, e.judge(now, s.scaled(judgePeriod)))
	}
	if every := s.scaled(s.faults.RollKeysEvery); every > 0 {
		due, then := s.keys.rollDue(every, now)
		if due {
			s.run.Go(s.RollKeys) // takes longer than the lock should be held
		}
		next = earlier(next, then)
	}
	return next
}
