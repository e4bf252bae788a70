package broker_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"jtel.de/presencebridge/internal/broker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction(broker.LeftBehind)) }

func start(t *testing.T, o broker.Options) *broker.Broker {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	b, err := broker.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// stream connects by these options and gives the stream S, made if need be.
func stream(t *testing.T, url string, options ...nats.Option) (jetstream.JetStream, jetstream.Stream) {
	t.Helper()
	nc, err := nats.Connect(url, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.CreateOrUpdateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}})
	if err != nil {
		t.Fatal(err)
	}
	return js, s
}

func TestInProcessKeepsItsStore(t *testing.T) {
	for _, sync := range []bool{false, true} {
		dir := t.TempDir()
		for want := range uint64(3) {
			b := start(t, broker.Options{Dir: dir, SyncAlways: sync})
			if b.URL() != "" {
				t.Errorf("listens on %s", b.URL())
			}
			js, s := stream(t, "", nats.InProcessServer(b.InProcess()))
			if got := s.CachedInfo().State.Msgs; got != want {
				t.Errorf("sync %t: %d messages, want %d", sync, got, want)
			}
			if _, err := js.Publish(t.Context(), "s", nil); err != nil {
				t.Fatal(err)
			}
			b.Close()
		}
	}
}

func TestListen(t *testing.T) {
	b := start(t, broker.Options{Listen: "127.0.0.1:0"})
	stream(t, b.URL())
	if !strings.HasPrefix(b.URL(), "nats://127.0.0.1:") {
		t.Errorf("listens on %s", b.URL())
	}
	// The port is free again for the next one.
	listen := strings.TrimPrefix(b.URL(), "nats://")
	b.Close()
	if b = start(t, broker.Options{Listen: listen}); b.URL() != "nats://"+listen {
		t.Errorf("listens on %s", b.URL())
	}
}

func TestStartSaysWhatIsWrong(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	// A file where the server wants its directory: not even root can write there.
	blocked := t.TempDir()
	if err := os.WriteFile(filepath.Join(blocked, "jetstream"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		o    broker.Options
		want []string
	}{
		"port taken": {broker.Options{Dir: t.TempDir(), Listen: taken.Addr().String()},
			[]string{"port " + port, "is taken; change nats.embedded.listen or stop the other process"}},
		"no port":       {broker.Options{Dir: t.TempDir(), Listen: "127.0.0.1"}, []string{"is not host:port"}},
		"named port":    {broker.Options{Dir: t.TempDir(), Listen: "127.0.0.1:http"}, []string{"nats.embedded.listen"}},
		"foreign host":  {broker.Options{Dir: t.TempDir(), Listen: "192.0.2.1:4222"}, []string{"listen on 192.0.2.1:4222", "change nats.embedded.listen"}},
		"no directory":  {broker.Options{}, []string{"no directory"}},
		"not a place":   {broker.Options{Dir: filepath.Join(file, "x")}, []string{"make the store", "check data_dir"}},
		"blocked store": {broker.Options{Dir: blocked}, []string{"JetStream", "check that data_dir " + blocked}},
	} {
		t.Run(name, func(t *testing.T) {
			c.o.Log = slog.New(slog.DiscardHandler)
			b, err := broker.Start(c.o)
			if err == nil {
				b.Close()
				t.Fatal("started")
			}
			for _, want := range append(c.want, "start embedded NATS: ") {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v does not say %q", err, want)
				}
			}
		})
	}
}

// A damaged stream must not be taken for one that does not exist.
func TestStartRefusesADamagedStore(t *testing.T) {
	for _, spoil := range []string{"meta.inf", "meta.sum"} {
		dir := t.TempDir()
		b := start(t, broker.Options{Dir: dir})
		js, _ := stream(t, "", nats.InProcessServer(b.InProcess()))
		if _, err := js.Publish(t.Context(), "s", nil); err != nil {
			t.Fatal(err)
		}
		b.Close()
		if err := os.WriteFile(filepath.Join(dir, "jetstream", "$G", "streams", "S", spoil), []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := broker.Start(broker.Options{Dir: dir, Log: slog.New(slog.DiscardHandler)})
		if err == nil || !strings.Contains(err.Error(), "stream S in "+dir) || !strings.Contains(err.Error(), "is damaged; restore it") {
			t.Errorf("%s: got %v", spoil, err)
		}
	}
}

func TestLog(t *testing.T) {
	var text bytes.Buffer
	log := slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug}))
	b := start(t, broker.Options{Listen: "0.0.0.0:0", Log: log})
	b.Close()
	for _, want := range []string{
		`level=WARN msg="embedded nats listens beyond this host without authentication" listen=0.0.0.0:0`,
		`level=DEBUG msg="embedded nats" text="Server is ready"`,
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("log has no %s:\n%s", want, text.String())
		}
	}
	if strings.Contains(text.String(), "level=INFO") {
		t.Error("the server's chatter is at info level")
	}
}

func ExampleStart() {
	dir, err := os.MkdirTemp("", "broker")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	b, err := broker.Start(broker.Options{Dir: dir, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		panic(err)
	}
	defer b.Close()
	nc, err := nats.Connect("", nats.InProcessServer(b.InProcess()))
	if err != nil {
		panic(err)
	}
	defer nc.Close()
	fmt.Println(nc.Status())
	// Output: CONNECTED
}
