package handlers

import (
	"container/list"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
)

// Drop says why a connection came to nothing. The values are stable: they are
// labels of metrics.
type Drop string

// The drops.
const (
	DropSilent  Drop = "silent"   // it ended before a request: a scanner, or a failed TLS handshake
	DropNotHTTP Drop = "not_http" // a request that is none, or whose header did not arrive in time
	DropCrowded Drop = "crowded"  // closed to make room, the longest idle first
)

// maxConnections are held at the same time, about 30 KiB each. Graph opens few.
const maxConnections = 4096

// connections bounds how many connections a server has and counts those that
// come to nothing. When there are too many, the one that has waited longest
// for a request makes room: a crowd of strangers must not keep Graph out.
type connections struct {
	most    int
	dropped func(Drop)

	mu      sync.Mutex
	all     map[net.Conn]*connection
	idle    *list.List // of net.Conn, the longest idle first
	leaving int        // of all, those that made room
}

// connection is what is known of one. Guarded by the mutex of all.
type connection struct {
	waiting *list.Element // among the idle; nil while there is a request
	asked   bool          // it brought bytes of a request that no handler has got yet
	served  bool          // some handler got a request of it
	crowded bool
}

func newConnections(most int, dropped func(Drop)) *connections {
	return &connections{most: most, dropped: dropped, all: map[net.Conn]*connection{}, idle: list.New()}
}

// follow makes a server tell of its connections.
func (c *connections) follow(s *http.Server) {
	next := s.Handler
	s.ConnState = c.changed
	s.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
		return context.WithValue(ctx, connectionKey{}, conn)
	}
	s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if conn, ok := r.Context().Value(connectionKey{}).(net.Conn); ok {
			c.serves(conn)
		}
		next.ServeHTTP(w, r)
	})
}

type connectionKey struct{}

func (c *connections) serves(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known := c.all[conn]; known != nil {
		known.asked, known.served = false, true
	}
}

// changed is the server's [http.Server.ConnState].
func (c *connections) changed(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.all[conn]
	switch state {
	case http.StateNew:
		known = &connection{}
		c.all[conn] = known
		known.waiting = c.idle.PushBack(conn)
		if len(c.all)-c.leaving > c.most {
			c.makeRoom()
		}
	case http.StateActive:
		known.asked = true
		c.busy(known)
	case http.StateIdle:
		c.busy(known)
		known.waiting = c.idle.PushBack(conn)
	case http.StateClosed, http.StateHijacked:
		c.busy(known)
		delete(c.all, conn)
		c.count(known)
	}
}

func (c *connections) busy(known *connection) {
	if known.waiting != nil {
		c.idle.Remove(known.waiting)
		known.waiting = nil
	}
}

// makeRoom closes a connection; its goroutine at the server then says that it
// is closed. There is always an idle one: the newest.
func (c *connections) makeRoom() {
	conn := c.idle.Front().Value.(net.Conn)
	known := c.all[conn]
	c.busy(known)
	known.crowded = true
	c.leaving++
	if over, ok := conn.(*tls.Conn); ok {
		conn = over.NetConn() // without a farewell, which may take time
	}
	_ = conn.Close() // nobody is left to be told
}

func (c *connections) count(known *connection) {
	switch {
	case known.crowded:
		c.leaving--
		c.dropped(DropCrowded)
	case known.asked:
		c.dropped(DropNotHTTP)
	case !known.served:
		c.dropped(DropSilent)
	}
}
