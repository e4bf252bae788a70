package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
)

// What is promised under overload: milliseconds, milliseconds, MiB.
const (
	handshakeLimit = 100
	answerLimit    = 3000
	memoryLimit    = 256
)

// overload is a crowd that only holds connections, and Graph with several times
// what the service can do. How long handshakes take then, and the longest of all
// answers, 503 included; and the most memory that the process has ever had.
func overload(ctx context.Context, s *site, o options, set setting) ([]figure, error) {
	crowd, err := newCrowd(ctx, s, o.crowd)
	defer crowd.close()
	if err != nil {
		return nil, err
	}
	l := s.load()
	l.rich, l.batch, l.connections = true, 5, 128
	var handshakes []float64
	working, stop := context.WithCancel(ctx)
	var group errgroup.Group
	group.Go(func() error {
		defer stop()
		_, err := l.run(ctx, time.Duration(o.rounds)*o.lasting)
		return err
	})
	group.Go(func() (err error) {
		handshakes, err = s.handshakes(working)
		return err
	})
	if err := group.Wait(); err != nil {
		return nil, err
	}
	usage, err := s.ask("usage")
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("overload_%s_sync_%s_", set.rsa, set.sync)
	figures := []figure{
		{Name: name + "handshake_p99", Value: quantile(handshakes, 0.99), Unit: "ms", Limit: handshakeLimit, goal: -1},
		{Name: name + "longest_answer", Value: l.slowest.Seconds() * 1000, Unit: "ms", Limit: answerLimit, goal: -1},
		{Name: name + "memory", Value: float64(usage.Memory) / (1 << 20), Unit: "MiB", Limit: memoryLimit, goal: -1},
	}
	for i := range figures {
		figures[i].Ratio = figures[i].Value / figures[i].Limit
	}
	return figures, nil
}

// handshakes asks one after the other until ctx ends, and gives milliseconds.
func (s *site) handshakes(ctx context.Context) ([]float64, error) {
	var took []float64
	conn, err := tls.Dial("tcp", s.callback, &tls.Config{RootCAs: s.roots})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	for len(took) == 0 || ctx.Err() == nil {
		start := time.Now()
		status, err := post(conn, answers, handshake)
		if err != nil || status != http.StatusOK {
			return nil, fmt.Errorf("handshake: status %d: %w", status, err)
		}
		took = append(took, time.Since(start).Seconds()*1000)
		wait(ctx, 10*time.Millisecond)
	}
	return took, nil
}

// crowd is connections that ask for nothing. The service closes some of them.
type crowd struct{ conns []net.Conn }

func newCrowd(ctx context.Context, s *site, n int) (*crowd, error) {
	c := &crowd{conns: make([]net.Conn, n)}
	var group errgroup.Group
	group.SetLimit(16)
	config := &tls.Config{RootCAs: s.roots, ClientSessionCache: tls.NewLRUClientSessionCache(1)}
	for i := range c.conns {
		group.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			conn, err := tls.Dial("tcp", s.callback, config)
			if err != nil {
				return nil // it was closed to make room for another one
			}
			_, _ = io.WriteString(conn, "POST /graph/notifications HTTP/1.1\r\n") // and no more
			c.conns[i] = conn.NetConn()
			return nil
		})
	}
	return c, group.Wait()
}

func (c *crowd) close() {
	for _, conn := range c.conns {
		if conn != nil {
			_ = conn.Close() // most are closed already
		}
	}
}
