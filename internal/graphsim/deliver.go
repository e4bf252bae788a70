package graphsim

import (
	"context"
	"log/slog"
	"net/http"
	"time"
)

// The retry schedule of the contract, §3.1, before division by the speed.
const (
	retryFirst = 5 * time.Second
	retryMost  = 10 * time.Minute
	retryEnd   = 4 * time.Hour
)

// backoff is how long to wait after so many failed attempts.
func backoff(attempts int) time.Duration {
	d := retryFirst
	for range attempts - 1 {
		if d *= 2; d >= retryMost {
			return retryMost
		}
	}
	return d
}

// deliver posts a parcel and settles its items.
func (s *Simulator) deliver(p parcel) {
	head := p.items[0]
	body, err := s.render(p.items)
	if err != nil { // a key that cannot encrypt
		s.log.Error("notification cannot be written", slog.Any("error", err))
		s.settle(p, false, true)
		return
	}
	f := s.Faults()
	deadline := f.answerDeadline()
	if p.retry && head.attempts > 0 {
		deadline = retryDeadline
	}
	ctx, cancel := context.WithTimeout(s.ctx, deadline)
	started := time.Now()
	status, err := s.sender.post(ctx, head.url, head.tls, body)
	took := time.Since(started)
	cancel()
	if s.ctx.Err() != nil {
		return // closed: nobody waits for these any more
	}
	line := Request{At: started, Kind: KindDelivery, Method: http.MethodPost, Path: head.url, Status: status, Took: took, Items: len(p.items), Attempt: head.attempts + 1}
	if head.lifecycle != "" {
		line.Kind = KindLifecycle
	}
	if err != nil {
		line.Error = err.Error()
	}
	ok := status >= 200 && status <= 299
	if ok && s.chance.chance(f.LostAnswers) {
		ok, line.Error = false, "the answer was lost"
	}
	s.record(line)
	s.mu.Lock()
	if !s.faults.NoSlowState {
		s.endpoint(head.url).answered(took)
	}
	s.mu.Unlock()
	s.settle(p, ok, false)
}

// settle counts what arrived and queues the rest for the next attempt.
func (s *Simulator) settle(p parcel, ok, hopeless bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	p.lane.busy = false
	for _, i := range p.items {
		sub := s.subs[i.id]
		i.attempts++
		switch {
		case sub == nil:
			s.settled(1)
		case ok:
			s.settled(1)
			sub.delivered++
		case hopeless || now.Sub(i.first) > s.scaled(retryEnd):
			s.settled(1)
			sub.dropped++
		default:
			sub.failed++
			i.ready = now.Add(s.scaled(backoff(i.attempts)))
			s.courier.put(i, retryLane)
		}
	}
	s.courier.wakeUp()
}
