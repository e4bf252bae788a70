package handlers

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"
)

// patient lets bodies arrive as slowly as a test needs, and counts those that
// ask to be read.
func patient(asked chan<- struct{}) func(*callback) {
	return func(h *callback) {
		h.bodyWithin = time.Minute
		h.Observe = func(Outcome) {}
		h.Ready = func() bool { asked <- struct{}{}; return true }
	}
}

// Strangers who send slowly take nothing from Graph.
func TestSlowStrangersCostNobody(t *testing.T) {
	const strangers, posts = 80, 8
	asked := make(chan struct{}, strangers+posts)
	s := newSide(t, patient(asked))
	for range strangers {
		post(t, s.dial(t), 1000, `{"value":`)
	}
	for range strangers {
		<-asked
	}
	for range posts {
		silent(t, s.send(t, "POST", NotificationsPath, body(3000)), http.StatusAccepted)
	}
}

func TestCrowd(t *testing.T) {
	asked := make(chan struct{}, 64)
	for name, c := range map[string]struct {
		change func(*budget)
		sent   int // of 100,000 bytes, by a stranger
		filled func(*budget) bool
		off    int // size of a body that is put off meanwhile
		taken  int // size of a body that is taken all the same; 0: none is
	}{
		"bodies": {
			change: func(b *budget) { b.reading = make(chan struct{}, 1) }, sent: 10,
			filled: func(b *budget) bool { return len(b.reading) == 1 }, off: 10,
		},
		"bytes": {
			change: func(b *budget) { b.maxGrown = 12 * firstBuffer }, sent: 3 * firstBuffer,
			filled: func(b *budget) bool { return b.grown.Load() == 4*firstBuffer },
			off:    5 * firstBuffer, taken: firstBuffer,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSide(t, patient(asked), func(h *callback) { c.change(h.budget) })
			s.callback.Observe = func(o Outcome) { s.outcomes <- o }
			conn := s.dial(t)
			post(t, conn, 100_000, strings.Repeat(" ", c.sent))
			for !c.filled(s.callback.budget) {
				time.Sleep(time.Millisecond)
			}

			off := s.dial(t)
			post(t, off, 100_000, strings.Repeat(" ", c.off)) // answered without the rest
			res := answer(t, bufio.NewReader(off))
			silent(t, res, http.StatusServiceUnavailable)
			if o := <-s.outcomes; o.Cause != CauseCrowded || !res.Close {
				t.Errorf("outcome %+v, closed %t", o, res.Close)
			}
			if c.taken > 0 {
				silent(t, s.send(t, "POST", NotificationsPath, body(c.taken)), http.StatusAccepted)
				<-s.outcomes
			}
			for _, content := range []io.Reader{nil, body(c.off)} {
				if res := s.send(t, "POST", NotificationsPath+"?validationToken=x", content); res.StatusCode != http.StatusOK {
					t.Errorf("handshake: status %d", res.StatusCode)
				}
				<-s.outcomes
			}

			if err := conn.Close(); err != nil {
				t.Fatal(err)
			}
			if o := <-s.outcomes; o.Cause != CauseCutBody {
				t.Errorf("outcome %+v", o)
			}
			silent(t, s.send(t, "POST", NotificationsPath, body(c.off)), http.StatusAccepted)
		})
	}
}

// What is refused unread is answered in time, too, although the server reads on.
func TestUnwantedSlowBody(t *testing.T) {
	s := newSide(t, func(h *callback) {
		h.bodyWithin = 20 * time.Millisecond
		h.Ready = func() bool { return false }
	})
	s.serve(t, func(c *http.Server) { c.ReadTimeout = time.Hour }) // the server's own limit
	conn := s.dial(t)
	if err := conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	post(t, conn, 100, `{"value":`)
	silent(t, answer(t, bufio.NewReader(conn)), http.StatusServiceUnavailable)
}

// A buffer holds what was sent, or says that there is no room; what it takes is
// within the budget and is given back.
func TestBuffer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := newBudget()
		b.maxGrown = rapid.Int64Range(0, 3*maxBody).Draw(t, "budget")
		var held []*buffer
		for range rapid.IntRange(1, 4).Draw(t, "bodies") {
			size := rapid.OneOf(rapid.IntRange(0, maxBody), rapid.IntRange(0, 3*firstBuffer),
				rapid.SampledFrom([]int{0, firstBuffer - 1, firstBuffer, firstBuffer + 1, maxBody - 1, maxBody})).Draw(t, "size")
			text := bytes.Repeat([]byte{byte(len(held) + 1)}, size)
			reader := io.Reader(bytes.NewReader(text))
			if rapid.Bool().Draw(t, "end with data") {
				reader = iotest.DataErrReader(reader)
			}
			into := &buffer{budget: b}
			held = append(held, into)
			switch err := into.readFrom(reader); {
			case err == nil && !bytes.Equal(into.text, text):
				t.Errorf("%d bytes differ from the %d sent", len(into.text), size)
			case err != nil && (!errors.Is(err, errNoRoom) || size < firstBuffer):
				t.Errorf("%d bytes: %v", size, err)
			}
			var grown int64
			for _, h := range held {
				if h.first == nil {
					grown += int64(cap(h.text))
				}
			}
			if n := b.grown.Load(); n != grown || n > b.maxGrown {
				t.Errorf("%d bytes counted, %d held, %d allowed", n, grown, b.maxGrown)
			}
		}
		for _, h := range held {
			h.release()
		}
		if n := b.grown.Load(); n != 0 {
			t.Errorf("%d bytes not given back", n)
		}
	})
}
