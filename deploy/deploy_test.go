// Package deploy_test tries what stands in deploy with the programs that read it
// and are in this module anyway: the bridge's configuration, the adapter's rules,
// the NATS servers of the compose file. deploy/lint, a module of its own, has the rest.
package deploy_test

import (
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/graphsim"
	"jtel.de/presencebridge/internal/rules"
)

// The configurations load as they are, once their files exist.
func TestConfigurations(t *testing.T) {
	for _, name := range []string{"compose/presencebridge.yaml", "kubernetes/presencebridge.yaml"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		secret := regexp.MustCompile(`/run/secrets/[a-z0-9./-]+`)
		text = secret.ReplaceAllFunc(text, func(path []byte) []byte {
			file := filepath.Join(dir, filepath.Base(string(path)))
			if err := os.WriteFile(file, []byte("secret"), 0o600); err != nil {
				t.Fatal(err)
			}
			return []byte(file)
		})
		// The certificate is yours; everything else is as it stands.
		c, err := config.Parse(name, text, []string{
			"PRESENCEBRIDGE_TLS__MODE=off", "PRESENCEBRIDGE_TLS__CERT_FILE=", "PRESENCEBRIDGE_TLS__KEY_FILE=",
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if c.NATS.Replicas != 3 || !c.Listen.AdminToken.IsSet() {
			t.Errorf("%s: %d replicas, a token %t", name, c.NATS.Replicas, c.Listen.AdminToken.IsSet())
		}
	}
}

func TestRules(t *testing.T) {
	text, err := os.ReadFile("compose/rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rules.Parse("compose/rules.yaml", text); err != nil {
		t.Error(err)
	}
}

// What is built into the image reaches the build.
func TestNothingNeededIsLeftOut(t *testing.T) {
	text, err := os.ReadFile("../.dockerignore")
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	list := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if .Main}}{{$.Dir}}{{end}}{{end}}", "./cmd/presencebridge", "./cmd/acdadapter")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	needed := strings.Fields(string(out))
	if len(needed) < 10 {
		t.Fatalf("needed are %v", needed)
	}
	for ignored := range strings.FieldsSeq(string(text)) {
		for _, dir := range needed {
			if path := filepath.Join(root, ignored); dir == path || strings.HasPrefix(dir, path+"/") {
				t.Errorf("%s is left out, and %s is needed", ignored, dir)
			}
		}
	}
}

// The three servers of the compose file become one cluster, which holds three
// copies and goes on when one of them is gone.
func TestNATSCluster(t *testing.T) {
	var routes []*url.URL
	var ports []int
	for range 3 {
		address, err := graphsim.FreeAddress()
		if err != nil {
			t.Fatal(err)
		}
		ports = append(ports, int(netip.MustParseAddrPort(address).Port()))
		routes = append(routes, &url.URL{Scheme: "nats", Host: address})
	}
	var servers []*server.Server
	for i := range 3 {
		t.Setenv("NATS_NAME", "nats-"+strconv.Itoa(i+1))
		o, err := server.ProcessConfigFile("compose/nats.conf")
		if err != nil {
			t.Fatal(err)
		}
		if !o.SyncAlways || len(o.Routes) != 3 || o.ServerName != "nats-"+strconv.Itoa(i+1) {
			t.Errorf("options %+v", o)
		}
		o.Host, o.Port, o.HTTPPort, o.StoreDir = "127.0.0.1", -1, 0, t.TempDir()
		o.Cluster.Host, o.Cluster.Port, o.Routes = "127.0.0.1", ports[i], routes
		o.NoSigs, o.NoLog = true, true
		s, err := server.NewServer(o)
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
		servers = append(servers, s)
	}
	var urls []string
	for _, s := range servers {
		if !s.ReadyForConnections(30 * time.Second) {
			t.Fatal("a server is not ready")
		}
		urls = append(urls, s.ClientURL())
	}
	nc, err := events.Connect(events.ConnectOptions{URL: strings.Join(urls, ","), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "a stream of three copies", func() bool { return events.Setup(t.Context(), js, events.StreamOptions{Replicas: 3}) == nil })
	p, err := events.NewPublisher(nc, events.PublisherOptions{Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	sent := 0
	publish := func() bool {
		at := time.Now()
		m, err := events.NewMessage(events.UserEvent{ID: fmt.Sprint("id-", sent), Data: events.UserData{
			TenantID: "84bd8158-6d4d-4958-8b9f-9d6445542f95", Tenant: "contoso", User: events.User{ID: "b36a4df4-9d72-4b1e-a7f6-97c6e9a6f0a1"},
			Availability: "Busy", Activity: "InACall", Origin: events.OriginNotification, ObservedAt: at, PublishedAt: at, Freshness: events.Fresh,
		}})
		if err != nil {
			t.Fatal(err)
		}
		ok := p.Publish(t.Context(), []events.Message{m})[0].Err == nil
		if ok {
			sent++
		}
		return ok
	}
	eventually(t, "an event", publish)
	servers[0].Shutdown()
	servers[0].WaitForShutdown()
	eventually(t, "an event without one of the three", publish)
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("never came: %s", what)
}
