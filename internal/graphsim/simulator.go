package graphsim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Simulator is one tenant with its authority and its Graph. Make it with [New]
// and end it with [Simulator.Close]; everything else may be called at any time
// from any goroutine.
type Simulator struct {
	seed  uint64
	speed float64
	log   *slog.Logger

	cert     *serverCert
	keys     *keyring
	history  history
	throttle throttle
	sender   *sender
	chance   *dice // faults
	life     *dice
	ids      *dice

	ctx    context.Context // of everything that runs
	cancel context.CancelFunc
	run    sync.WaitGroup

	graphAddr, controlAddr string // set by Start
	servers                []*http.Server

	mu        sync.Mutex
	idle      *sync.Cond // signalled when pending falls to 0
	faults    Faults
	tenant    Tenant
	directory directory
	presences map[string]state
	sequence  uint64
	subs      map[string]*subscription
	ghosts    map[creator]time.Time // until when a deleted subscription is still in the way
	accounts  map[string]*signInState
	registry  registry
	graphApp  graphApp // never changes
	devices   map[string]*device
	tokens    map[string]cachedToken // validation tokens, by form
	patches   int
	courier   courier
}

// New makes a simulator and starts nothing.
func New(o Options) *Simulator {
	o = o.withDefaults()
	seed := o.Seed
	for seed == 0 {
		seed = rand.Uint64()
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Simulator{
		seed: seed, speed: o.Speed, log: o.Log,
		cert: newServerCert(), keys: newKeyring(newDice(seed, "strangers")), sender: newSender(o.Roots),
		chance: newDice(seed, "faults"), life: newDice(seed, "life"), ids: newDice(rand.Uint64(), "ids"),
		ctx: ctx, cancel: cancel,
		faults:    o.Faults.clone(),
		presences: map[string]state{},
		subs:      map[string]*subscription{},
		ghosts:    map[creator]time.Time{},
		accounts:  map[string]*signInState{},
		devices:   map[string]*device{},
		tokens:    map[string]cachedToken{},
		courier:   newCourier(),
	}
	s.idle = sync.NewCond(&s.mu)
	making := newDice(seed, "tenant")
	if o.Tenant != nil {
		s.tenant = o.Tenant.clone()
	} else {
		s.tenant = defaultTenant(o.People, making)
	}
	if o.Tenant == nil && o.Empty {
		s.tenant = emptyTenant(o.People, newDice(seed, "tenant"))
	}
	s.tenant.complete(making, time.Now())
	permissions := newDice(seed, "permissions")
	s.graphApp = newGraphApp(permissions)
	s.registry.begin(&s.tenant, s.graphApp, permissions)
	for _, u := range s.tenant.Users {
		s.enter(u)
	}
	return s
}

// Start listens on two ports of the loopback interface that are free.
func (s *Simulator) Start() error { return s.StartAt("127.0.0.1:0", "127.0.0.1:0") }

// StartAt listens on the given addresses: TLS for the authority and Graph, plain
// HTTP for the control side, which must be on the loopback interface.
func (s *Simulator) StartAt(graphAddr, controlAddr string) error {
	if s.ctx.Err() != nil || s.servers != nil {
		return errors.New("start simulator: already started or closed")
	}
	graph, err := net.Listen("tcp", graphAddr)
	if err != nil {
		return fmt.Errorf("start simulator: %w", err)
	}
	control, err := net.Listen("tcp", controlAddr)
	if err == nil && !control.Addr().(*net.TCPAddr).IP.IsLoopback() {
		control.Close()
		err = fmt.Errorf("control address %s is not on the loopback interface", controlAddr)
	}
	if err != nil {
		graph.Close()
		return fmt.Errorf("start simulator: %w", err)
	}
	s.graphAddr, s.controlAddr = reachable(graph), reachable(control)
	s.serve(s.protocolHandler(), func(h *http.Server) error {
		h.TLSConfig = s.cert.config()
		return h.ServeTLS(graph, "", "")
	})
	s.serve(s.controlHandler(), func(h *http.Server) error { return h.Serve(control) })
	s.startDeliveries()
	s.log.Info("simulator started", slog.Uint64("seed", s.seed), slog.String("graph", s.GraphURL()), slog.String("control", s.ControlURL()))
	return nil
}

// reachable is the address of a listener for clients on this machine.
func reachable(l net.Listener) string {
	a := l.Addr().(*net.TCPAddr)
	if a.IP.IsUnspecified() {
		return fmt.Sprintf("127.0.0.1:%d", a.Port)
	}
	return a.String()
}

func (s *Simulator) serve(h http.Handler, accept func(*http.Server) error) {
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		BaseContext: func(net.Listener) context.Context { return s.ctx },
		ErrorLog:    slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	s.servers = append(s.servers, srv)
	s.run.Go(func() {
		if err := accept(srv); err != nil && !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("simulator stopped listening", slog.Any("error", err))
		}
	})
}

// Close stops everything and waits for it. What is still pending is dropped.
func (s *Simulator) Close() {
	s.cancel()
	for _, srv := range s.servers {
		srv.Close()
	}
	s.run.Wait()
	s.sender.close()
	s.mu.Lock()
	s.idle.Broadcast()
	s.mu.Unlock()
}

// GraphURL is the base URL of Graph, as "https://127.0.0.1:40001/v1.0". Empty until started.
func (s *Simulator) GraphURL() string { return s.url("https://", s.graphAddr, "/v1.0") }

// AuthorityURL is the base URL of Entra ID. Empty until started.
func (s *Simulator) AuthorityURL() string { return s.url("https://", s.graphAddr, "") }

// ControlURL is the base URL of the control side. Empty until started.
func (s *Simulator) ControlURL() string { return s.url("http://", s.controlAddr, "") }

func (s *Simulator) url(scheme, addr, path string) string {
	if addr == "" {
		return ""
	}
	return scheme + addr + path
}

// CA is the PEM of the trust root of both URLs.
func (s *Simulator) CA() []byte { return s.cert.ca }

// Seed is what the simulator's chance was made from.
func (s *Simulator) Seed() uint64 { return s.seed }

// Tenant is a copy of the directory as it is now, secrets included.
func (s *Simulator) Tenant() Tenant {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tenant.clone()
}

// tenantID never changes, but its neighbours do.
func (s *Simulator) tenantID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tenant.ID
}

// Faults are the switches as they are now.
func (s *Simulator) Faults() Faults {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults.clone()
}

// SetFaults replaces the switches.
func (s *Simulator) SetFaults(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = f.clone()
	s.courier.wakeUp()
}

// scaled divides a lifetime or schedule by the speed.
func (s *Simulator) scaled(d time.Duration) time.Duration {
	return time.Duration(float64(d) / s.speed)
}

// protocolHandler tells Graph from the authority by the path.
func (s *Simulator) protocolHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f := s.Faults()
		if f.Delay > 0 && wait(r.Context(), f.Delay) != nil {
			return
		}
		if f.ClockAhead != 0 {
			w.Header().Set("Date", time.Now().Add(f.ClockAhead).UTC().Format(http.TimeFormat))
		}
		r.Body = http.MaxBytesReader(w, r.Body, 4<<20)
		if strings.HasPrefix(r.URL.Path, "/v1.0/") {
			s.serveGraph(w, r)
			return
		}
		s.serveAuthority(w, r)
	})
}

// wait returns early, with its error, when ctx ends.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
