package graphsim

import (
	"container/heap"
	"context"
	"hash/fnv"
	"time"
)

const (
	courierWorkers = 8       // POSTs on their way at once
	lanesPerURL    = 4       // a person always uses the same one, so order is kept
	retryLane      = -1      // where failed items wait, out of the way of fresh ones
	pendingMax     = 200_000 // items; beyond that notifications are dropped
)

// item is one copy of a notification on its way to one URL.
type item struct {
	*notification
	url      string
	ready    time.Time // not sent before
	order    uint64    // breaks ties
	attempts int
}

// lane is a queue of items for one URL of which at most one POST is on its way.
type lane struct {
	queue []*item // a heap by ready, order
	last  time.Time
	busy  bool
}

func (l *lane) Len() int { return len(l.queue) }
func (l *lane) Less(i, j int) bool {
	a, b := l.queue[i], l.queue[j]
	if a.ready.Equal(b.ready) {
		return a.order < b.order
	}
	return a.ready.Before(b.ready)
}
func (l *lane) Swap(i, j int) { l.queue[i], l.queue[j] = l.queue[j], l.queue[i] }
func (l *lane) Push(x any)    { l.queue = append(l.queue, x.(*item)) }
func (l *lane) Pop() any {
	n := len(l.queue) - 1
	i := l.queue[n]
	l.queue[n], l.queue = nil, l.queue[:n]
	return i
}

type laneKey struct {
	url string
	n   int
}

// parcel is the items of one POST.
type parcel struct {
	lane  *lane
	items []*item
	retry bool
}

// courier holds what is to be delivered. All of it is guarded by Simulator.mu.
type courier struct {
	lanes     map[laneKey]*lane
	endpoints map[string]*endpoint
	pending   int
	order     uint64
	paused    bool
	wake      chan struct{} // of size one: a reminder to look again
	parcels   chan parcel
}

func newCourier() courier {
	return courier{lanes: map[laneKey]*lane{}, endpoints: map[string]*endpoint{}, wake: make(chan struct{}, 1), parcels: make(chan parcel)}
}

func (c *courier) wakeUp() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// put queues an item in a lane of its URL.
func (c *courier) put(i *item, n int) {
	key := laneKey{i.url, n}
	l := c.lanes[key]
	if l == nil {
		l = &lane{}
		c.lanes[key] = l
	}
	if n != retryLane { // a later one never overtakes
		if i.ready.Before(l.last) {
			i.ready = l.last
		}
		l.last = i.ready
	}
	c.order++
	i.order = c.order
	heap.Push(l, i)
}

func laneOf(user string) int {
	h := fnv.New32a()
	h.Write([]byte(user))
	return int(h.Sum32() % lanesPerURL)
}

// startDeliveries runs one dispatcher and a fixed number of workers.
func (s *Simulator) startDeliveries() {
	s.run.Go(s.dispatchDeliveries)
	for range courierWorkers {
		s.run.Go(func() {
			for {
				select {
				case p := <-s.courier.parcels:
					s.deliver(p)
				case <-s.ctx.Done():
					return
				}
			}
		})
	}
}

// dispatchDeliveries hands out what is due and keeps the subscriptions' clocks.
func (s *Simulator) dispatchDeliveries() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		s.mu.Lock()
		now := time.Now()
		next := s.tick(now)
		parcels, due := s.pack(now)
		s.mu.Unlock()
		for _, p := range parcels {
			select {
			case s.courier.parcels <- p:
			case <-s.ctx.Done():
				return
			}
		}
		timer.Reset(max(0, min(next.Sub(now), due.Sub(now))))
		select {
		case <-timer.C:
		case <-s.courier.wake:
		case <-s.ctx.Done():
			return
		}
	}
}

// pack takes a parcel from every lane that has one due, and tells when the next
// will be; the caller holds mu.
func (s *Simulator) pack(now time.Time) (parcels []parcel, next time.Time) {
	next = now.Add(time.Hour)
	if s.courier.paused {
		return nil, next
	}
	window, size := s.faults.batchWindow(), s.faults.batchSize()
	for key, l := range s.courier.lanes {
		if l.busy {
			continue
		}
		if len(l.queue) == 0 {
			if key.n == retryLane || now.Sub(l.last) > time.Minute {
				delete(s.courier.lanes, key)
			}
			continue
		}
		due := l.queue[0].ready
		if key.n != retryLane && len(l.queue) < size {
			due = due.Add(window)
		}
		if due.After(now) {
			next = earlier(next, due)
			continue
		}
		if items := s.take(l, now, size); len(items) > 0 {
			l.busy = true
			parcels = append(parcels, parcel{l, items, key.n == retryLane})
		} else {
			next = now // all of them were for nobody: look at the rest of the lane
		}
	}
	return parcels, next
}

// take removes up to size items from the head of a lane; the caller holds mu.
func (s *Simulator) take(l *lane, now time.Time, size int) (items []*item) {
	var later []*item
	for len(items) < size && len(l.queue) > 0 && !l.queue[0].ready.After(now) {
		i := heap.Pop(l).(*item)
		sub := s.subs[i.id]
		switch {
		case sub == nil || !s.alive(sub):
			s.settled(1)
		case i.lifecycle == "" && !s.faults.DeliverAfterTokenEnd && !now.Before(sub.tokenEnds):
			sub.held = append(sub.held, i)
		case len(items) > 0 && !s.faults.MixedBatches && items[0].id != i.id:
			later = append(later, i)
		default:
			items = append(items, i)
		}
	}
	for _, i := range later {
		heap.Push(l, i)
	}
	return items
}

// discard forgets queued items; the caller holds mu.
func (s *Simulator) discard(which func(*item) bool) {
	for _, l := range s.courier.lanes {
		kept := l.queue[:0]
		for _, i := range l.queue {
			if !which(i) {
				kept = append(kept, i)
			}
		}
		s.settled(len(l.queue) - len(kept))
		clear(l.queue[len(kept):])
		l.queue = kept
		heap.Init(l)
	}
}

// settled counts items that need no more care; the caller holds mu.
func (s *Simulator) settled(n int) {
	if s.courier.pending -= n; s.courier.pending == 0 {
		s.idle.Broadcast()
	}
}

// Pending is how many notifications are queued, on their way, held or waiting for
// a retry. Copies count.
func (s *Simulator) Pending() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.courier.pending
}

// Drain waits until nothing is pending. It gives the error of ctx, or
// [context.Canceled] when the simulator was closed first.
func (s *Simulator) Drain(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.idle.Broadcast()
	})
	defer stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.courier.pending > 0 {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if s.ctx.Err() != nil {
			return s.ctx.Err()
		}
		s.idle.Wait()
	}
	return nil
}

// Pause stops deliveries, or lets them go on. Handshakes are not affected.
func (s *Simulator) Pause(paused bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.courier.paused = paused
	s.courier.wakeUp()
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
