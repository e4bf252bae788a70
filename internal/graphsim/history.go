package graphsim

import (
	"slices"
	"sync"
	"time"
)

// The kinds of [Request].
const (
	KindAuthority = "authority" // somebody asked Entra ID
	KindGraph     = "graph"     // somebody asked Graph
	KindHandshake = "handshake" // the simulator validated a notification URL
	KindDelivery  = "delivery"  // the simulator posted notifications
	KindLifecycle = "lifecycle" // the simulator posted lifecycle notifications
	KindControl   = "control"   // the control side posted a body
)

// Request is a line of the history. It holds no tokens, secrets or bodies.
type Request struct {
	At     time.Time     `json:"at"`
	Kind   string        `json:"kind"`
	Method string        `json:"method"`
	Path   string        `json:"path"` // of the simulator, or the URL that was called
	Query  string        `json:"query,omitzero"`
	Status int           `json:"status"` // 0: no answer
	Took   time.Duration `json:"took"`
	// Who is the user principal name or the app's id of the token used.
	Who string `json:"who,omitzero"`
	// Code is the error.code or AADSTS code of the answer.
	Code string `json:"code,omitzero"`
	// Error is why there was no answer.
	Error string `json:"error,omitzero"`
	// Items is how many notifications a POST held; Attempt counts from 1.
	Items   int `json:"items,omitzero"`
	Attempt int `json:"attempt,omitzero"`
	// Breach is the rule of the contract that the request did not keep although it
	// was accepted.
	Breach string `json:"breach,omitzero"`
}

// historyMax bounds the history; the oldest lines go first.
const historyMax = 50_000

type history struct {
	mu   sync.Mutex
	list []Request
}

func (h *history) add(r Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.list) >= historyMax {
		h.list = slices.Delete(h.list, 0, historyMax/10)
	}
	h.list = append(h.list, r)
}

// History tells every protocol request and every delivery, oldest first.
func (s *Simulator) History() []Request {
	s.history.mu.Lock()
	defer s.history.mu.Unlock()
	return slices.Clone(s.history.list)
}
