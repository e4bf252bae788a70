package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// floor is what a plain item costs at least, each part alone and in the same
// process: HTTPS, by validation handshakes, which are answered and logged but
// neither decoded nor stored; and NATS, by storing events and nothing else. No
// goal is set for them: they tell how far the goals of the plain figures can be
// reached at all.
func floor(ctx context.Context, s *site, o options, set setting) ([]figure, error) {
	var figures []figure
	add := func(name string, limit float64, run func() (int, error)) error {
		if name = fmt.Sprintf("%s_sync_%s", name, set.sync); !strings.Contains(name, o.match) {
			return nil
		}
		var values []float64
		for range o.rounds {
			before, err := s.ask("usage")
			if err != nil {
				return err
			}
			n, err := run()
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			after, err := s.ask("usage")
			if err != nil {
				return err
			}
			values = append(values, float64(n)/(after.CPU-before.CPU).Seconds())
		}
		f := figure{Name: name, Value: median(values), Unit: "items/cpu-s", Limit: limit}
		f.Ratio = f.Value / f.Limit
		figures = append(figures, f)
		return nil
	}
	for _, batch := range []int{50, 1} {
		err := add(fmt.Sprintf("nats_%d", batch), plainLimits[batch], func() (int, error) {
			a, err := s.ask(fmt.Sprintf("nats %d", batch))
			return a.Ops, err
		})
		if err != nil {
			return nil, err
		}
	}
	if _, err := s.ask("nats"); err != nil { // to stop it
		return nil, err
	}
	err := add("https_1", plainLimits[1], func() (int, error) { return s.handshakeLoad(ctx, o.lasting) })
	return figures, err
}

// handshakeLoad asks over 32 connections, one handshake after the other.
func (s *site) handshakeLoad(ctx context.Context, lasting time.Duration) (int, error) {
	done := make([]int, 32)
	until := time.Now().Add(lasting)
	var group errgroup.Group
	for i := range done {
		group.Go(func() error {
			conn, err := tls.Dial("tcp", s.callback, &tls.Config{RootCAs: s.roots})
			if err != nil {
				return err
			}
			defer conn.Close()
			answers := bufio.NewReader(conn)
			for ; ctx.Err() == nil && time.Now().Before(until); done[i]++ {
				if status, err := post(conn, answers, handshake); err != nil || status != http.StatusOK {
					return fmt.Errorf("handshake: status %d: %w", status, err)
				}
			}
			return nil
		})
	}
	err := group.Wait()
	sum := 0
	for _, n := range done {
		sum += n
	}
	return sum, err
}

var handshake = []byte("POST /graph/notifications?validationToken=x HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
