package handlers

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"jtel.de/presencebridge/internal/graph"
)

// dial speaks HTTP/1.1 by hand, for clients that no library will play.
func (s *side) dial(t *testing.T) *tls.Conn {
	t.Helper()
	config := s.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	config.ServerName, config.NextProtos = "example.com", []string{"http/1.1"}
	conn, err := tls.Dial("tcp", s.Listener.Addr().String(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func post(t *testing.T, conn io.Writer, length int, body string) {
	t.Helper()
	_, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: example.com\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		NotificationsPath, length, body)
	if err != nil {
		t.Fatal(err)
	}
}

func answer(t *testing.T, r *bufio.Reader) *http.Response {
	t.Helper()
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	return res
}

func TestSlowBodyIsPutOff(t *testing.T) {
	s := newSide(t, func(h *callback) { h.bodyWithin = 20 * time.Millisecond })
	conn := s.dial(t)
	post(t, conn, 100, `{"value":`)
	r := bufio.NewReader(conn)
	res := answer(t, r)
	silent(t, res, http.StatusServiceUnavailable)
	if !res.Close {
		t.Error("the connection stays open")
	}
	if o := <-s.outcomes; o.Cause != CauseSlowBody {
		t.Errorf("outcome %+v", o)
	}
	if _, err := r.ReadByte(); err == nil {
		t.Error("more than one answer")
	}
}

func TestCutBody(t *testing.T) {
	s := newSide(t)
	conn := s.dial(t)
	post(t, conn, 100, `{"value":`)
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if o := <-s.outcomes; o.Cause != CauseCutBody || o.Status != http.StatusBadRequest {
		t.Errorf("outcome %+v", o)
	}
}

// The deadline of one body must not reach into the next request.
func TestKeepAlive(t *testing.T) {
	s := newSide(t, func(h *callback) { h.bodyWithin = 50 * time.Millisecond })
	conn := s.dial(t)
	r := bufio.NewReader(conn)
	for range 3 {
		post(t, conn, 2, "{}")
		silent(t, answer(t, r), http.StatusAccepted)
		time.Sleep(60 * time.Millisecond)
	}
}

// A client that leaves ends the work that was done for it.
func TestClientLeaves(t *testing.T) {
	s := newSide(t)
	started := make(chan struct{})
	s.callback.Accept = waitForEnd(started)
	conn := s.dial(t)
	post(t, conn, 2, "{}")
	<-started
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	if o := <-s.outcomes; o.Cause != CauseNotStored {
		t.Errorf("outcome %+v", o)
	}
}

func waitForEnd(started chan struct{}) func(context.Context, []graph.Reading) error {
	return func(ctx context.Context, _ []graph.Reading) error {
		close(started)
		<-ctx.Done()
		return ctx.Err()
	}
}

func TestServerLimits(t *testing.T) {
	s := newSide(t)
	conn := s.dial(t)
	if _, err := fmt.Fprint(conn, "OPTIONS * HTTP/1.1\r\nHost: example.com\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	silent(t, answer(t, bufio.NewReader(conn)), http.StatusNotFound)

	c := s.Config
	if c.ReadHeaderTimeout != 5*time.Second || c.ReadTimeout != 10*time.Second || c.WriteTimeout != 10*time.Second ||
		c.IdleTimeout != 120*time.Second || c.MaxHeaderBytes != 16<<10 {
		t.Errorf("limits %+v", c)
	}
}
