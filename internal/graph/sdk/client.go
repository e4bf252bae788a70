package sdk

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	khttp "github.com/microsoft/kiota-http-go"
	kjson "github.com/microsoft/kiota-serialization-json-go"
	graphcore "github.com/microsoftgraph/msgraph-sdk-go-core"
)

const (
	// callTime is the deadline of one call, its repeats included.
	callTime = 30 * time.Second
	// renewTime is that of a renewal: Graph was seen to take 20 to 60 seconds.
	renewTime = 90 * time.Second
)

// Options of a Client; all but Roots, ClientID, Limiter, Observe, Fence and Log are needed.
type Options struct {
	BaseURL    string // e.g. https://graph.microsoft.com/v1.0
	Credential azcore.TokenCredential
	Roots      *x509.CertPool // trust roots; nil is the system's
	// ClientID keeps subscriptions of other apps out of listings. Empty keeps all.
	ClientID string
	// Limiter is shared by all clients of an app in a tenant; nil limits nothing.
	Limiter *Limiter
	// Observe is told every try of a request, from the caller's goroutine.
	Observe func(Call)
	// Fence is asked right before every try goes out; its error keeps it back.
	// Nil lets everything pass.
	Fence func() error
	Log   *slog.Logger // nil is silent
}

// Client speaks to Graph as one credential: the app or one service user. Its
// methods may be called concurrently.
type Client struct {
	adapter  *graphcore.GraphRequestAdapterBase
	clientID string
}

// New makes a client; it calls nobody yet.
func New(o Options) (*Client, error) {
	base, err := url.Parse(o.BaseURL)
	if err != nil || base.Scheme != "https" || base.Host == "" {
		return nil, fmt.Errorf("graph base url %q is not an https address", o.BaseURL)
	}
	if o.Credential == nil {
		return nil, errors.New("graph client needs a credential")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Observe == nil {
		o.Observe = func(Call) {}
	}
	transport := http.DefaultTransport.(*http.Transport).Clone() // with HTTP/2
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.Roots}
	// A connection that a firewall dropped silently would else fail every call
	// until its end: ask idle ones whether they live.
	transport.HTTP2 = &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 10 * time.Second}
	client := &http.Client{
		Transport:     khttp.NewCustomTransportWithParentTransport(transport, append(middlewares(o.Log, calls{o.Limiter, base.Path, o.Observe}), fence{o.Fence})...),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       renewTime + 10*time.Second, // a backstop: every call has a deadline of its own
	}
	adapter, err := graphcore.NewGraphRequestAdapterBaseWithParseNodeFactoryAndSerializationWriterFactoryAndHttpClient(
		&bearer{credential: o.Credential, host: base.Host, scope: Scope(o.BaseURL)},
		graphcore.GraphClientOptions{}, kjson.NewJsonParseNodeFactory(), kjson.NewJsonSerializationWriterFactory(), client)
	if err != nil {
		return nil, fmt.Errorf("make graph adapter: %w", err)
	}
	adapter.SetBaseUrl(strings.TrimSuffix(o.BaseURL, "/"))
	return &Client{adapter: adapter, clientID: o.ClientID}, nil
}

// nationalHosts are the Graphs whose tokens must name them.
// Source: Graph, "national cloud deployments".
var nationalHosts = []string{"graph.microsoft.us", "dod-graph.microsoft.us", "microsoftgraph.chinacloudapi.cn"}

// Scope asks for everything that was consented to on the Graph at a base URL.
func Scope(baseURL string) string {
	host := ""
	if base, err := url.Parse(baseURL); err == nil {
		host = base.Hostname()
	}
	if !slices.Contains(nationalHosts, host) {
		host = "graph.microsoft.com"
	}
	return "https://" + host + "/.default"
}

func pointer[T any](v T) *T { return &v }

// value is what p points to, or nothing.
func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
