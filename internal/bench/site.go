package main

import (
	"bufio"
	"context"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"jtel.de/presencebridge/internal/demo"
	"jtel.de/presencebridge/internal/graphsim"
	"jtel.de/presencebridge/internal/vault"
)

// site is a simulated tenant and the service beside it, covering everybody.
type site struct {
	dir      string
	sim      *graphsim.Simulator
	callback string
	people   []person
	roots    *x509.CertPool
	maker    *maker
	// overloaded: POSTs were put off, so what people's last state is is not sure.
	overloaded bool

	process *exec.Cmd
	tell    io.WriteCloser
	hear    *json.Decoder

	conn   *nats.Conn
	stream jetstream.Stream
}

const watched = 650 // as many as one subscription carries

// newSite starts the service with these settings, in the form of its
// environment variables. The caller closes the site.
func newSite(ctx context.Context, settings ...string) (_ *site, err error) {
	s := &site{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.dir, err = os.MkdirTemp("", "presencebridge-bench-"); err != nil {
		return nil, err
	}
	files, err := demo.NewSite(s.dir)
	if err != nil {
		return nil, err
	}
	s.roots = files.Roots
	s.sim = graphsim.New(graphsim.Options{People: watched, Roots: files.Roots})
	if err := s.sim.Start(); err != nil {
		return nil, err
	}
	if s.callback, err = freeAddress(); err != nil {
		return nil, err
	}
	const anyPort = "127.0.0.1:0"
	file, err := files.Write(s.sim, demo.Addresses{Callback: s.callback, Admin: anyPort, NATS: anyPort})
	if err != nil {
		return nil, err
	}
	public, err := s.encryptionKey(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.start(ctx, file, settings); err != nil {
		return nil, err
	}
	genuine, err := s.covered(ctx)
	if err != nil {
		return nil, err
	}
	s.maker, err = newMaker(genuine, public)
	return s, err
}

// freeAddress: the tenant must know it before the service listens on it.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// encryptionKey makes the sealed state that the service will find.
func (s *site) encryptionKey(ctx context.Context) (*rsa.PublicKey, error) {
	data := filepath.Join(s.dir, "data")
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, err
	}
	files, err := vault.OpenDir(data)
	if err != nil {
		return nil, err
	}
	v, err := vault.Open(ctx, files, filepath.Join(data, "seal.key"), slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, errors.Join(err, files.Close())
	}
	return &v.Current().Private.PublicKey, files.Close()
}

func (s *site) start(ctx context.Context, file string, settings []string) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	s.process = exec.CommandContext(ctx, program, subject, file)
	// No sweep may fall into a measurement.
	s.process.Env = append(os.Environ(), append(settings,
		"PRESENCEBRIDGE_TENANTS__0__SWEEP__INTERVAL=1h", "PRESENCEBRIDGE_TENANTS__0__STALE_AFTER=3h")...)
	s.process.Stderr = os.Stderr
	if s.tell, err = s.process.StdinPipe(); err != nil {
		return err
	}
	out, err := s.process.StdoutPipe()
	if err != nil {
		return err
	}
	s.hear = json.NewDecoder(bufio.NewReader(out))
	if err := s.process.Start(); err != nil {
		return err
	}
	var first answer
	if err := s.hear.Decode(&first); err != nil {
		return fmt.Errorf("start the service: %w", err)
	}
	if s.conn, err = nats.Connect(first.NATS); err != nil {
		return err
	}
	js, err := jetstream.New(s.conn)
	if err != nil {
		return err
	}
	for s.stream == nil {
		if s.stream, err = js.Stream(ctx, "PRESENCE"); err != nil {
			wait(ctx, 20*time.Millisecond)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// covered waits until the subscription stands and everybody was read, and gives
// a genuine notification.
func (s *site) covered(ctx context.Context) ([]byte, error) {
	for ctx.Err() == nil {
		n, err := s.stored(ctx)
		if err != nil {
			return nil, err
		}
		if n >= watched {
			for _, sub := range s.sim.Subscriptions() {
				for _, id := range sub.UserIDs {
					s.people = append(s.people, person{id: id})
				}
				return s.sim.Forge("genuine", sub.UserIDs[0])
			}
		}
		wait(ctx, 20*time.Millisecond)
	}
	return nil, ctx.Err()
}

// stored is how many events there have ever been.
func (s *site) stored(ctx context.Context) (int, error) {
	info, err := s.stream.Info(ctx)
	if err != nil {
		return 0, err
	}
	return int(info.State.LastSeq), nil
}

// ask sends a line to the process under test and waits for the answer.
func (s *site) ask(line string) (answer, error) {
	if _, err := fmt.Fprintln(s.tell, line); err != nil {
		return answer{}, err
	}
	var a answer
	err := s.hear.Decode(&a)
	if err == nil && a.Error != "" {
		err = errors.New(a.Error)
	}
	return a, err
}

// load is a load of this site.
func (s *site) load() *load {
	return &load{maker: s.maker, address: s.callback, tls: &tls.Config{RootCAs: s.roots}, people: s.people}
}

func (s *site) close() error {
	var err error
	if s.conn != nil {
		s.conn.Close()
	}
	if s.tell != nil {
		err = errors.Join(s.tell.Close(), s.process.Wait())
	}
	if s.sim != nil {
		s.sim.Close()
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}
