package handlers

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"jtel.de/presencebridge/internal/graph/notification"
)

func (s *side) dialTCP(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func TestConnectionsThatComeToNothing(t *testing.T) {
	s := newSide(t)
	for name, c := range map[string]struct {
		text string // over TLS; empty: not even a TLS handshake
		want Drop
	}{
		"scanner":        {"", DropSilent},
		"another tongue": {"SSH-2.0-OpenSSH_9.9\r\n\r\n", DropNotHTTP},
		"cut header":     {"POST /graph/notifications HTTP/1.1\r\nHost: x\r\n", DropNotHTTP},
		"huge header":    {"POST /graph/notifications HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 64<<10) + "\r\n\r\n", DropNotHTTP},
	} {
		t.Run(name, func(t *testing.T) {
			var conn net.Conn
			if c.text == "" {
				conn = s.dialTCP(t)
			} else {
				over := s.dial(t)
				// The server may hang up before it has read all.
				_, _ = io.WriteString(over, c.text)
				_ = over.CloseWrite()
				_, _ = io.Copy(io.Discard, over)
				conn = over
			}
			_ = conn.Close()
			if got := <-s.drops; got != c.want {
				t.Errorf("counted as %s, want %s", got, c.want)
			}
		})
	}
	conn := s.dial(t)
	r := bufio.NewReader(conn)
	for range 2 {
		post(t, conn, 2, "{}")
		silent(t, answer(t, r), http.StatusAccepted)
	}
	_ = conn.Close()
	_ = s.dialTCP(t).Close()
	if got := <-s.drops; got != DropSilent {
		t.Errorf("a connection that was of use counts as %s", got)
	}
}

// Whoever sends the header of a request piece by piece is cut off.
func TestSlowHeader(t *testing.T) {
	s := newSide(t)
	sent := make(chan struct{})
	s.serve(t, func(c *http.Server) {
		// The limit counts only once the first piece is on its way, however slow the
		// machine: a client has no need to wait for the end of the server's handshake.
		s.TLS = &tls.Config{MinVersion: tls.VersionTLS13, VerifyConnection: func(tls.ConnectionState) error {
			<-sent
			c.ReadHeaderTimeout = 200 * time.Millisecond // read by this goroutine
			return nil
		}}
	})
	conn := s.dial(t)
	if _, err := io.WriteString(conn, "POST /graph/notifications HTTP/1.1\r\nHost:"); err != nil {
		t.Fatal(err)
	}
	close(sent)
	if _, err := io.ReadAll(conn); err != nil {
		t.Log(err)
	}
	if got := <-s.drops; got != DropNotHTTP {
		t.Errorf("counted as %s", got)
	}
}

// A crowd keeps nobody out: the longest idle makes room.
func TestConnectionsAreBounded(t *testing.T) {
	s := newSide(t)
	bound := newConnections(3, func(d Drop) { s.drops <- d })
	s.serve(t, func(c *http.Server) {
		c.Handler = s.callback.echo()
		bound.follow(c)
		// Nobody leaves for another reason while this runs.
		c.ReadHeaderTimeout, c.ReadTimeout, c.WriteTimeout = time.Hour, time.Hour, time.Hour
	})
	s.callback.storeWithin, s.callback.answerWithin = time.Hour, time.Hour

	busy := s.dial(t)
	started := make(chan struct{})
	s.callback.Accept = waitForEnd(started)
	post(t, busy, 2, "{}")
	<-started
	var crowd []net.Conn
	for range 10 {
		crowd = append(crowd, s.dialTCP(t))
	}
	for range 8 {
		if got := <-s.drops; got != DropCrowded {
			t.Errorf("counted as %s", got)
		}
	}
	for _, conn := range crowd[:8] {
		if _, err := conn.Read(make([]byte, 1)); err == nil {
			t.Error("an idle connection was answered")
		}
	}
	res := s.send(t, "POST", NotificationsPath+"?validationToken=x", nil)
	if res.StatusCode != http.StatusOK {
		t.Errorf("handshake in a crowd: status %d", res.StatusCode)
	}
	if got := <-s.drops; got != DropCrowded {
		t.Errorf("counted as %s", got)
	}
	bound.mu.Lock()
	defer bound.mu.Unlock()
	if len(bound.all) > 3 || bound.leaving != 0 || bound.idle.Len() > 2 {
		t.Errorf("%d connections, %d leaving, %d idle", len(bound.all), bound.leaving, bound.idle.Len())
	}
}

// A connection costs so little that the bound of all stays below 256 MiB.
func TestConnectionsAreSmall(t *testing.T) {
	const many = 150
	s := newSide(t)
	for range 20 { // what is made once
		_ = s.dial(t).Close()
		<-s.drops
	}
	before := memory()
	conns := make([]io.Closer, many)
	for i := range many {
		conn := s.dial(t) // the client's half counts, too
		post(t, conn, 2, "{}")
		silent(t, answer(t, bufio.NewReaderSize(conn, 16)), http.StatusAccepted)
		<-s.outcomes
		conns[i] = conn
	}
	each := (memory() - before) / many
	runtime.KeepAlive(conns)
	const limit = 64 << 10 // of both halves
	if each > limit {
		t.Errorf("a connection takes %d bytes, more than %d", each, limit)
	}
}

// memory is what is in use after a collection.
func memory() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

// Two readings of one request must not make two requests of it: whatever a
// proxy before us may take for the next one is not answered.
func TestRequestSmuggling(t *testing.T) {
	const smuggled = "POST /graph/lifecycle HTTP/1.1\r\nHost: smuggled\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\nsmuggled"
	for name, shape := range map[string]string{
		"length and chunked":     "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"chunked and length":     "Transfer-Encoding: chunked\r\nContent-Length: 500\r\n\r\n0\r\n\r\n",
		"two lengths":            "Content-Length: 0\r\nContent-Length: 130\r\n\r\n",
		"list of lengths":        "Content-Length: 0, 130\r\n\r\n",
		"length with a sign":     "Content-Length: +0\r\n\r\n",
		"negative length":        "Content-Length: -1\r\n\r\n",
		"hexadecimal length":     "Content-Length: 0x0\r\n\r\n",
		"length with a space":    "Content-Length : 0\r\n\r\n",
		"unknown encoding":       "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
		"two encodings":          "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
		"list of encodings":      "Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n",
		"encoding with a space":  "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
		"folded encoding":        "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
		"encoding with a tab":    "Transfer-Encoding:\tchunked\r\n\r\n0\r\n\r\n",
		"null in a header":       "X: a\x00b\r\nContent-Length: 0\r\n\r\n",
		"carriage return inside": "X: a\rContent-Length: 130\r\nContent-Length: 0\r\n\r\n",
		"no colon":               "Content-Length 0\r\n\r\n",
		"two hosts":              "Host: other\r\nContent-Length: 0\r\n\r\n",
		"chunk size too large":   "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n\r\n",
		"chunk size with sign":   "Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
		"chunk size with prefix": "Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n",
		"chunk without an end":   "Transfer-Encoding: chunked\r\n\r\n2\r\n{}0\r\n\r\n",
		"endless chunk line":     "Transfer-Encoding: chunked\r\n\r\n0;" + strings.Repeat("x", 8<<10) + "\r\n\r\n",
		"trailer":                "Transfer-Encoding: chunked\r\nTrailer: Content-Length\r\n\r\n0\r\nContent-Length: 130\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			s := newSide(t, func(h *callback) {
				h.Open = func(_ context.Context, body []byte) (notification.Batch, error) {
					if strings.Contains(string(body), "smuggled") {
						t.Errorf("it came in as %q", body)
					}
					return notification.Batch{}, notification.ErrMalformed
				}
			})
			conn := s.dial(t)
			// The server may hang up before all is written.
			_, _ = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: example.com\r\nContent-Type: application/json\r\n%s%s", NotificationsPath, shape, smuggled)
			_ = conn.CloseWrite()
			all, _ := io.ReadAll(conn) // may end with a reset
			if n := strings.Count(string(all), "HTTP/1.1 "); n > 1 {
				t.Errorf("%d answers:\n%s", n, all)
			}
			if !strings.Contains(string(all), " 4") && !strings.Contains(string(all), " 501 ") {
				t.Errorf("answered with %q", all)
			}
			select {
			case o := <-s.outcomes:
				if o.Cause != CauseMalformed && o.Cause != CauseCutBody {
					t.Errorf("outcome %+v", o)
				}
			case d := <-s.drops:
				if d != DropNotHTTP {
					t.Errorf("counted as %s", d)
				}
			}
		})
	}
}

// Also the operators' side and the one for the authority's checks, which
// strangers may reach.
func TestEveryServerBoundsItsConnections(t *testing.T) {
	s := NewServer(http.NotFoundHandler(), nil, slog.New(slog.DiscardHandler))
	if s.ConnState == nil {
		t.Fatal("nobody follows the connections")
	}
	ours, theirs := net.Pipe()
	defer theirs.Close()
	s.ConnState(ours, http.StateNew)
	s.ConnState(ours, http.StateClosed) // nobody is told of it
}
