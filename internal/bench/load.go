package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// load posts notifications over several connections.
type load struct {
	maker   *maker
	address string
	tls     *tls.Config
	people  []person
	rich    bool
	batch   int
	// connections each have people of their own, so that none waits for another.
	connections int
	// every is how often a connection posts; zero means one POST after the other.
	every time.Duration
	// again counts the POSTs that were answered 503 and sent once more.
	again atomic.Int64
	// slowest is the longest time that an answer took, whatever it was.
	slowest longest
	// sent is told the number of each change and when its POST began; may be nil.
	sent func(number int64, at time.Time)
}

// run gives the number of items that were answered 202.
func (l *load) run(ctx context.Context, lasting time.Duration) (int, error) {
	done := make([]int, l.connections)
	var group errgroup.Group
	until := time.Now().Add(lasting)
	share := len(l.people) / l.connections
	if share < l.batch {
		return 0, fmt.Errorf("batches of %d need more than %d people", l.batch, len(l.people))
	}
	for c := range l.connections {
		group.Go(func() (err error) {
			done[c], err = l.connection(ctx, c, l.people[c*share:(c+1)*share], until)
			return err
		})
	}
	err := group.Wait()
	sum := 0
	for _, n := range done {
		sum += n
	}
	return sum, err
}

func (l *load) connection(ctx context.Context, number int, people []person, until time.Time) (int, error) {
	conn, err := tls.Dial("tcp", l.address, l.tls)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	next := time.Now().Add(l.every * time.Duration(number) / time.Duration(l.connections))
	var body, request []byte
	var numbers []int64
	items := 0
	for at := 0; ctx.Err() == nil; at += l.batch {
		if at+l.batch > len(people) {
			at = 0
		}
		if l.every > 0 {
			wait(ctx, time.Until(next))
			next = next.Add(l.every)
		}
		if !time.Now().Before(until) {
			break
		}
		numbers = numbers[:0]
		body = l.maker.body(body[:0], people[at:at+l.batch], l.rich, func(n int64) { numbers = append(numbers, n) })
		request = append(request[:0], "POST /graph/notifications HTTP/1.1\r\nHost: "...)
		request = append(request, l.address...)
		request = append(request, "\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: "...)
		request = strconv.AppendInt(request, int64(len(body)), 10)
		request = append(request, "\r\n\r\n"...)
		request = append(request, body...)
		if l.sent != nil {
			now := time.Now()
			for _, n := range numbers {
				l.sent(n, now)
			}
		}
		status := http.StatusServiceUnavailable
		for status == http.StatusServiceUnavailable { // again, as Graph does
			start := time.Now()
			if status, err = post(conn, answers, request); err != nil {
				return items, err
			}
			l.slowest.observe(time.Since(start))
			if status == http.StatusServiceUnavailable {
				l.again.Add(1)
			}
		}
		if status != http.StatusAccepted {
			return items, fmt.Errorf("the service answers %d", status)
		}
		items += l.batch
	}
	return items, nil
}

func post(conn io.Writer, answers *bufio.Reader, request []byte) (status int, err error) {
	if _, err := conn.Write(request); err != nil {
		return 0, err
	}
	answer, err := http.ReadResponse(answers, nil)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode, err
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// longest is the longest of some durations.
type longest struct {
	mu sync.Mutex
	time.Duration
}

func (l *longest) observe(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.Duration = max(l.Duration, d)
}
