package broker

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

const (
	// readyWithin covers recovery of a large store: 1.5 s for a million messages.
	readyWithin = 30 * time.Second
	// maxMemory bounds streams and consumers kept in memory; ours are small.
	// Storage on disk is bounded by the server to three quarters of what is free.
	maxMemory = 256 << 20
	// headroom is what must be free, to start and to take up the store again.
	headroom = 1 << 20
)

// LeftBehind is a function of nats-server whose goroutine may outlive a closed
// server: it waits half a minute for an answer about a source (v2.15.2,
// stream.go). Tests that look for leaks pass it over.
const LeftBehind = "github.com/nats-io/nats-server/v2/server.(*stream).trySetupSourceConsumer.func3"

// Options say where the server stores and where it listens.
type Options struct {
	// Dir holds the JetStream store; it is made if it is missing.
	Dir string
	// Listen is the one address for clients, "127.0.0.1:4222"; port 0 takes any
	// free one. Empty: in-process connections only.
	Listen string
	// SyncAlways syncs every write to disk before it is acknowledged, about
	// 0.2 ms each on a fast disk. Otherwise a power failure may take the last
	// two minutes; a crash of the process takes nothing.
	SyncAlways bool
	Log        *slog.Logger // nil means slog.Default()
}

// Broker is a running server.
type Broker struct {
	server *server.Server
	dir    string
	logger *logger
}

// Start gives a server that is ready for connections. The caller closes it.
func Start(o Options) (*Broker, error) {
	log := cmp.Or(o.Log, slog.Default())
	if err := checkDir(o.Dir); err != nil {
		return nil, fmt.Errorf("start embedded NATS: %w", err)
	}
	opts := &server.Options{
		ServerName:             "presencebridge",
		JetStream:              true,
		StoreDir:               o.Dir,
		SyncAlways:             o.SyncAlways,
		JetStreamMaxMemory:     maxMemory,
		DisableJetStreamBanner: true,
		DontListen:             o.Listen == "",
		NoSigs:                 true,
	}
	if o.Listen != "" {
		if err := listenOn(opts, o.Listen, log); err != nil {
			return nil, fmt.Errorf("start embedded NATS: %w", err)
		}
	}
	s, err := server.NewServer(opts)
	if err != nil {
		return nil, fmt.Errorf("start embedded NATS: %w", err)
	}
	logger := &logger{log: log}
	s.SetLoggerV2(logger, false, false, false)
	s.Start()
	b := &Broker{server: s, dir: o.Dir, logger: logger}
	if err := b.ready(); err != nil {
		b.Close()
		return nil, fmt.Errorf("start embedded NATS: %w", err)
	}
	return b, nil
}

// ready waits for the server and makes sure that it took up its whole store.
func (b *Broker) ready() error {
	// The server reports what it cannot live with to its log only.
	if err := b.logger.failure(); err != nil {
		return fmt.Errorf("%w; check that data_dir %s is writable and on a healthy disk", err, b.dir)
	}
	if !b.server.ReadyForConnections(readyWithin) {
		return errors.Join(fmt.Errorf("not ready within %s", readyWithin), b.logger.failure())
	}
	return b.checkStore(b.dir)
}

// Close stops the server, ends its connections and waits until all is on disk.
func (b *Broker) Close() {
	b.server.Shutdown()
	b.server.WaitForShutdown()
}

// InProcess is for events.ConnectOptions: a connection without a socket.
func (b *Broker) InProcess() nats.InProcessConnProvider { return b.server }

// URL is where clients connect to; empty when the server does not listen.
func (b *Broker) URL() string {
	addr := b.server.Addr()
	if addr == nil {
		return ""
	}
	return "nats://" + addr.String()
}

// listenOn sets the listener after trying it: the server itself would only log.
func listenOn(opts *server.Options, listen string, log *slog.Logger) error {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("nats.embedded.listen %q is not host:port", listen)
	}
	probe, err := net.Listen("tcp", listen)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("port %s of %s is taken; change nats.embedded.listen or stop the other process", port, cmp.Or(host, "this host"))
	}
	if err != nil {
		return fmt.Errorf("listen on %s: %w; change nats.embedded.listen", listen, err)
	}
	if err := probe.Close(); err != nil {
		return fmt.Errorf("listen on %s: %w", listen, err)
	}
	opts.Host = cmp.Or(host, "0.0.0.0")
	opts.Port, err = strconv.Atoi(port)
	if err != nil {
		return fmt.Errorf("nats.embedded.listen %q: the port is not a number", listen)
	}
	if opts.Port == 0 {
		opts.Port = server.RANDOM_PORT
	}
	if ip := net.ParseIP(opts.Host); opts.Host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		log.Warn("embedded nats listens beyond this host without authentication", "listen", listen)
	}
	return nil
}

// checkDir makes the directory and proves that it can be written.
func checkDir(dir string) error {
	if dir == "" {
		return errors.New("no directory for the store")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the store: %w; check data_dir", err)
	}
	probe, err := os.CreateTemp(dir, ".writable-*")
	if err != nil {
		return fmt.Errorf("write to the store: %w; check the owner and the mode of data_dir", err)
	}
	// An empty file can be made on a full disk, too.
	_, err = probe.Write(make([]byte, headroom))
	if err == nil {
		err = probe.Sync()
	}
	err = errors.Join(err, probe.Close(), os.Remove(probe.Name()))
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("write to the store: %w; free some space on the disk of data_dir", err)
	}
	return err
}

// checkStore: the server leaves out a stream whose description on disk it cannot
// read, and would let us make a new, empty one in its place.
func (b *Broker) checkStore(dir string) error {
	dirs, err := filepath.Glob(filepath.Join(dir, "jetstream", "$G", "streams", "*"))
	if err != nil {
		return err
	}
	info, err := b.server.Jsz(&server.JSzOptions{Accounts: true, Streams: true})
	if err != nil {
		return fmt.Errorf("ask for the streams: %w", err)
	}
	loaded := map[string]bool{}
	for _, account := range info.AccountDetails {
		for _, stream := range account.Streams {
			loaded[stream.Name] = true
		}
	}
	for _, d := range dirs {
		if name := filepath.Base(d); !loaded[name] {
			return fmt.Errorf("stream %s in %s is damaged; restore it from a backup, or move it away to start without it", name, d)
		}
	}
	return nil
}
