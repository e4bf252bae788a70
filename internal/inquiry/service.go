package inquiry

import (
	"context"
	"fmt"
	"iter"
	"log/slog"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/graph"
)

// version is that of the requests, as subjects have it.
const version = "1.0.0"

// waiting is how many requests may wait at one endpoint: a second's worth. The
// server's client drops what is more, and whoever asked runs into a deadline.
const (
	waiting      = 4096
	waitingBytes = 8 << 20
)

// Board has the last states of everybody.
type Board interface {
	// Ready is false until everybody's state was read once.
	Ready() bool
	State(graph.Person) (events.UserEvent, bool)
	Find(match func(*events.UserData) bool) []events.UserEvent
}

// Tenant is one whose people this bridge reads.
type Tenant struct {
	ID, Name string
	// Read has people read soon, everybody if none are named, and tells how many.
	Read func(userIDs []string) int
}

// Options are all required.
type Options struct {
	Conn  *nats.Conn
	Board Board
	// Coverage gives the last coverage event about every service user.
	Coverage func(context.Context) iter.Seq2[events.CoverageEvent, error]
	Tenants  []Tenant
	Bridge   string // version of the bridge, for whoever looks at the service
	Log      *slog.Logger
}

// Service answers until Run ends.
type Service struct{ Options }

// New starts nothing.
func New(o Options) *Service { return &Service{o} }

// Run answers until ctx ends. It may be begun while the server is away.
func (s *Service) Run(ctx context.Context) error {
	service, err := micro.AddService(s.Conn, micro.Config{
		Name:        events.Service,
		Version:     version,
		Description: "Microsoft Teams presence: the last state of people, how they are covered, and to have them read now",
		Metadata:    map[string]string{"bridge": s.Bridge},
		ErrorHandler: func(_ micro.Service, e *micro.NATSError) {
			s.Log.Warn("requests were lost", "subject", e.Subject, "error", e)
		},
	})
	if err != nil {
		return fmt.Errorf("offer service %s: %w", events.Service, err)
	}
	err = s.addEndpoints(ctx, service)
	if err == nil {
		<-ctx.Done()
	}
	if stop := service.Stop(); stop != nil && err == nil && !s.Conn.IsClosed() {
		err = fmt.Errorf("stop service %s: %w", events.Service, stop)
	}
	return err
}

func (s *Service) addEndpoints(ctx context.Context, service micro.Service) error {
	for _, e := range []struct {
		name, subject string
		answer        func(context.Context, []byte) (answer, error)
	}{
		{"get", events.RequestGet, s.get},
		{"find", events.RequestFind, s.find},
		{"list", events.RequestList, s.list},
		{"coverage", events.RequestCoverage, s.coverage},
		{"refresh", events.RequestRefresh, s.refresh},
	} {
		request, reply := schemas(e.name)
		if err := add(ctx, service, e.name, e.subject, e.answer, map[string]string{"request-schema": request, "answer-schema": reply}); err != nil {
			return err
		}
	}
	for _, t := range s.Tenants {
		read := func(_ context.Context, body []byte) (answer, error) { return readNow(t, body) }
		if err := add(ctx, service, "refresh-"+t.ID, refreshOf(t.ID), read, map[string]string{"tenant": t.Name}); err != nil {
			return err
		}
	}
	return nil
}

// add offers an endpoint. Bridges on the same server share its requests.
func add(ctx context.Context, to micro.Service, name, subject string, f func(context.Context, []byte) (answer, error), metadata map[string]string) error {
	err := to.AddEndpoint(name, micro.HandlerFunc(func(r micro.Request) { respond(ctx, r, f) }),
		micro.WithEndpointSubject(subject), micro.WithEndpointMetadata(metadata), micro.WithEndpointPendingLimits(waiting, waitingBytes))
	if err != nil {
		return fmt.Errorf("offer endpoint %s: %w", subject, err)
	}
	return nil
}
