package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"runtime/pprof"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"jtel.de/presencebridge/internal/app"
	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/graph/libcrypto"
	"jtel.de/presencebridge/internal/graph/notification"
)

// subject is the argument that makes a process the one under test.
const subject = "subject"

// answer is a line that the process under test writes, one for each line that
// it reads.
type answer struct {
	NATS string        // where the service's NATS listens; of the first line only
	CPU  time.Duration // processor time of the process so far, user and system
	Ops  int           // operations of "limit"
	// Memory is the most that the process has had resident so far, in bytes.
	Memory int64
	Error  string
}

// serve runs the service of a configuration file until stdin ends. It obeys, a
// line each: "usage"; "limit go" and "limit libcrypto", which do nothing but
// RSA operations for a while; "nats 50" and "nats 1", which do nothing but store
// events, and "nats", which ends that; "profile FILE" and "profile".
func serve(ctx context.Context, file string, in io.Reader, out io.Writer) error {
	c, err := config.Load(file, os.Environ())
	if err != nil {
		return err
	}
	sink, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer sink.Close()
	limits, err := newLimits()
	if err != nil {
		return err
	}

	app.TuneMemory()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	encoder := json.NewEncoder(out)
	started := make(chan string, 1)
	var service errgroup.Group
	service.Go(func() error {
		defer stop()
		return app.Run(ctx, app.Options{
			Config: c,
			// The log is written as usual, but to nowhere.
			Log:     slog.New(slog.NewJSONHandler(sink, &slog.HandlerOptions{Level: c.Log.Level})),
			Started: func(a app.Addresses) { started <- a.NATS },
		})
	})
	select {
	case nats := <-started:
		o := obedience{encoder: encoder, limits: limits, syncAlways: c.NATS.Embedded.Sync == config.SyncAlways}
		err = errors.Join(encoder.Encode(answer{NATS: nats}), o.obey(ctx, in), o.stopBare())
	case <-ctx.Done():
	}
	stop()
	return errors.Join(err, service.Wait())
}

// obedience is what the lines that come in work on.
type obedience struct {
	encoder    *json.Encoder
	limits     *limits
	syncAlways bool
	bare       *bare // nil until asked for
}

// nats publishes to a server of its own, or stops it.
func (o *obedience) nats(ctx context.Context, batch string) (n int, err error) {
	size, publishers := 0, 4
	if size, err = strconv.Atoi(batch); err != nil {
		return 0, o.stopBare()
	}
	if size == 1 {
		publishers = 32
	}
	if o.bare == nil {
		if o.bare, err = newBare(ctx, o.syncAlways); err != nil {
			return 0, err
		}
	}
	return o.bare.run(ctx, size, publishers, 2*limitLasts)
}

func (o *obedience) stopBare() error {
	if o.bare == nil {
		return nil
	}
	err := o.bare.stop()
	o.bare = nil
	return err
}

func (o *obedience) obey(ctx context.Context, in io.Reader) error {
	for lines := bufio.NewScanner(in); lines.Scan(); {
		var a answer
		var verb, object string
		_, _ = fmt.Sscan(lines.Text(), &verb, &object)
		var err error
		switch verb {
		case "limit":
			a.Ops, err = o.limits.run(object)
		case "nats":
			a.Ops, err = o.nats(ctx, object)
		case "profile":
			err = profile(object)
		}
		if err != nil {
			a.Error = err.Error()
		}
		var usage syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
			return fmt.Errorf("ask for the processor time: %w", err)
		}
		a.Memory = usage.Maxrss << 10 // Linux gives KiB
		a.CPU = time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
		if err := o.encoder.Encode(a); err != nil {
			return err
		}
	}
	return nil
}

func profile(file string) error {
	if file == "" {
		pprof.StopCPUProfile()
		return nil
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	return pprof.StartCPUProfile(f)
}

// limits are RSA operations and nothing else.
type limits struct {
	key        *rsa.PrivateKey
	ciphertext []byte
	by         map[string]notification.DecryptFunc
}

const limitLasts = 400 * time.Millisecond

func newLimits() (*limits, error) {
	l := &limits{by: map[string]notification.DecryptFunc{"go": notification.DecryptOAEP}}
	var err error
	if l.key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		return nil, err
	}
	if l.ciphertext, err = rsa.EncryptOAEP(sha1.New(), rand.Reader, &l.key.PublicKey, make([]byte, 32), nil); err != nil {
		return nil, err
	}
	if library, err := libcrypto.Open(); err == nil {
		l.by["libcrypto"] = library.NewDecrypter(runtime.GOMAXPROCS(0)).Decrypt
	}
	return l, nil
}

// run keeps all processors busy, as the load does.
func (l *limits) run(by string) (int, error) {
	decrypt, ok := l.by[by]
	if !ok {
		return 0, fmt.Errorf("no RSA by %q on this machine", by)
	}
	var group errgroup.Group
	done := make([]int, runtime.GOMAXPROCS(0))
	until := time.Now().Add(limitLasts)
	for i := range done {
		group.Go(func() error {
			for ; time.Now().Before(until); done[i]++ {
				if _, err := decrypt(l.key, l.ciphertext); err != nil {
					return err
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
