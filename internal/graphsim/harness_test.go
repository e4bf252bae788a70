package graphsim_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"jtel.de/presencebridge/internal/graphsim"
)

// bench is a started simulator with a plain client and a receiver.
type bench struct {
	*graphsim.Simulator
	t    testing.TB
	http *http.Client
	recv *receiver
}

func start(t testing.TB, o graphsim.Options) *bench {
	t.Helper()
	recv := newReceiver(t)
	if o.Seed == 0 {
		o.Seed = 7
	}
	o.Roots = recv.roots
	if o.Faults.AnswerDeadline == 0 {
		// On a busy machine 3 s may not do, and attempts are counted here; the
		// deadline itself is tested on a clock of its own.
		o.Faults.AnswerDeadline = time.Minute
	}
	o.Log = slog.New(slog.DiscardHandler)
	sim := graphsim.New(o)
	if err := sim.Start(); err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(sim.CA()) {
		t.Fatal("CA is no PEM")
	}
	c := &http.Client{Timeout: 15 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	t.Cleanup(func() {
		sim.Close()
		c.CloseIdleConnections()
		recv.close()
	})
	return &bench{sim, t, c, recv}
}

type answer struct {
	status int
	header http.Header
	body   map[string]any
	raw    string
}

// code is error.code, or the OAuth error.
func (a answer) code() string {
	if e, ok := a.body["error"].(map[string]any); ok {
		return e["code"].(string)
	}
	s, _ := a.body["error"].(string)
	return s
}

func (a answer) message() string {
	if e, ok := a.body["error"].(map[string]any); ok {
		return e["message"].(string)
	}
	s, _ := a.body["error_description"].(string)
	return s
}

func (a answer) list() []map[string]any {
	var list []map[string]any
	for _, v := range a.body["value"].([]any) {
		list = append(list, v.(map[string]any))
	}
	return list
}

func (b *bench) do(r *http.Request) answer {
	b.t.Helper()
	res, err := b.http.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	a := answer{status: res.StatusCode, header: res.Header, raw: string(raw)}
	if strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(raw, &a.body); err != nil {
			b.t.Fatalf("%s: %v", raw, err)
		}
	}
	return a
}

func (b *bench) post(path string, form url.Values) answer {
	b.t.Helper()
	r, _ := http.NewRequest("POST", b.AuthorityURL()+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.do(r)
}

func (b *bench) get(path string) answer {
	b.t.Helper()
	r, _ := http.NewRequest("GET", b.AuthorityURL()+path, nil)
	return b.do(r)
}

// token is the token endpoint of the tenant with the app's id and secret filled in.
func (b *bench) token(form url.Values) answer {
	b.t.Helper()
	t := b.Tenant()
	full := url.Values{"client_id": {t.App.ID}, "client_secret": {t.App.Secret}}
	for k, v := range form {
		full[k] = v
	}
	return b.post("/"+t.ID+"/oauth2/v2.0/token", full)
}

func (b *bench) access(form url.Values) string {
	b.t.Helper()
	a := b.token(form)
	if a.status != 200 {
		b.t.Fatalf("token: %d %s", a.status, a.raw)
	}
	return a.body["access_token"].(string)
}

func (b *bench) appToken() string {
	b.t.Helper()
	return b.access(url.Values{"grant_type": {"client_credentials"}, "scope": {"https://graph.microsoft.com/.default"}})
}

// userToken signs the n-th service user in.
func (b *bench) userToken(n int) string {
	b.t.Helper()
	return b.access(b.password(n))
}

func (b *bench) password(n int) url.Values {
	a := b.Tenant().Accounts[n]
	return url.Values{"grant_type": {"password"}, "username": {a.Username}, "password": {a.Password}, "scope": {"https://graph.microsoft.com/Presence.Read.All offline_access openid"}, "client_info": {"1"}}
}

// graph calls Graph. body is nil, a string as it is, or a value for JSON.
func (b *bench) graph(token, method, path string, body any, headers ...string) answer {
	b.t.Helper()
	target := path
	if !strings.HasPrefix(path, "https://") {
		target = b.GraphURL() + path
	}
	var reader io.Reader
	if text, ok := body.(string); ok {
		reader = strings.NewReader(text)
	} else if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			b.t.Fatal(err)
		}
		reader = bytes.NewReader(raw)
	}
	r, err := http.NewRequest(method, target, reader)
	if err != nil {
		b.t.Fatal(err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return b.do(r)
}

// rich is the body of a create for everybody in the tenant.
func (b *bench) rich(ids ...string) map[string]any {
	if len(ids) == 0 {
		for _, u := range b.Tenant().Users {
			ids = append(ids, u.ID)
		}
	}
	return map[string]any{
		"changeType": "updated", "notificationUrl": b.recv.url + "/notify", "lifecycleNotificationUrl": b.recv.url + "/lifecycle",
		"resource":            "/communications/presences?$filter=id in ('" + strings.Join(ids, "','") + "')",
		"includeResourceData": true, "encryptionCertificate": b.recv.certBase64, "encryptionCertificateId": "enc-1",
		"expirationDateTime": in(59 * time.Minute), "clientState": "state-1", "latestSupportedTlsVersion": "v1_2",
	}
}

func with(m map[string]any, kv ...any) map[string]any {
	for i := 0; i < len(kv); i += 2 {
		if kv[i+1] == nil {
			delete(m, kv[i].(string))
		} else {
			m[kv[i].(string)] = kv[i+1]
		}
	}
	return m
}

func in(d time.Duration) string { return time.Now().UTC().Add(d).Format(time.RFC3339Nano) }

// subscribe makes a rich subscription of the n-th service user.
func (b *bench) subscribe(n int, ids ...string) (id, token string) {
	b.t.Helper()
	token = b.userToken(n)
	a := b.graph(token, "POST", "/subscriptions", b.rich(ids...))
	if a.status != 201 {
		b.t.Fatalf("subscribe: %d %s", a.status, a.raw)
	}
	return a.body["id"].(string), token
}

func (b *bench) drain() {
	b.t.Helper()
	if err := b.Drain(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

// kinds counts the lines of the history of one kind.
func (b *bench) kinds(kind string) (list []graphsim.Request) {
	for _, l := range b.History() {
		if l.Kind == kind {
			list = append(list, l)
		}
	}
	return list
}

// delivered is an item that the receiver got, and the collection it came in.
type delivered struct {
	Path string
	Post int
	Item struct {
		ID             *string        `json:"id"`
		SubscriptionID string         `json:"subscriptionId"`
		ClientState    *string        `json:"clientState"`
		ChangeType     string         `json:"changeType"`
		LifecycleEvent string         `json:"lifecycleEvent"`
		TenantID       string         `json:"tenantId"`
		OrganizationID string         `json:"organizationId"`
		Resource       string         `json:"resource"`
		Expires        string         `json:"subscriptionExpirationDateTime"`
		ResourceData   map[string]any `json:"resourceData"`
		Encrypted      *struct {
			Data, DataSignature, DataKey                             []byte
			EncryptionCertificateID, EncryptionCertificateThumbprint string
		} `json:"encryptedContent"`
	}
	Tokens *[]string
	Plain  map[string]any // decrypted
}

func (d delivered) user() string {
	s := d.Item.Resource
	s = strings.TrimPrefix(strings.TrimPrefix(s, "communications/presences"), "/")
	return strings.Trim(s, "()'")
}

// receiver is a notification URL written from the contract alone.
type receiver struct {
	t          testing.TB
	url        string
	roots      *x509.CertPool
	key        *rsa.PrivateKey
	certBase64 string
	thumbprint string
	server     *httptest.Server

	mu    sync.Mutex
	got   []delivered
	posts int
	// answers the POST; nil is 202.
	handle func(http.ResponseWriter, *http.Request)
	// rejects handshakes when set.
	handshake func(http.ResponseWriter, *http.Request)
}

var receiverKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func selfSigned(t testing.TB, pub, priv any) []byte {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "receiver"}, NotBefore: time.Now(), NotAfter: time.Now().AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, pub, priv)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func newReceiver(t testing.TB) *receiver {
	v := &receiver{t: t, key: receiverKey(), roots: x509.NewCertPool()}
	der := selfSigned(t, &v.key.PublicKey, v.key)
	v.certBase64 = base64.StdEncoding.EncodeToString(der)
	v.thumbprint = fmt.Sprintf("%X", sha1.Sum(der))
	v.server = httptest.NewTLSServer(v)
	v.roots.AddCert(v.server.Certificate())
	v.url = v.server.URL
	return v
}

func (v *receiver) close() { v.server.Close() }

func (v *receiver) set(handle func(http.ResponseWriter, *http.Request)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.handle = handle
}

func (v *receiver) items() []delivered {
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]delivered(nil), v.got...)
}

func (v *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	handle, handshake := v.handle, v.handshake
	v.mu.Unlock()
	if token := r.URL.Query().Get("validationToken"); token != "" {
		if handshake != nil {
			handshake(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		io.WriteString(w, token)
		return
	}
	if handle != nil {
		w := &statusWriter{ResponseWriter: w}
		handle(w, r)
		if w.status != 0 {
			return
		}
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the sender gave up
	}
	var c struct {
		Value            []json.RawMessage
		ValidationTokens *[]string
	}
	if err := json.Unmarshal(body, &c); err != nil {
		v.t.Errorf("collection: %v", err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.posts++
	for _, raw := range c.Value {
		d := delivered{Path: r.URL.Path, Post: v.posts, Tokens: c.ValidationTokens}
		if err := json.Unmarshal(raw, &d.Item); err != nil {
			v.t.Errorf("item: %v", err)
		}
		if d.Item.Encrypted != nil {
			d.Plain = v.open(d)
		}
		v.got = append(v.got, d)
	}
	w.WriteHeader(http.StatusAccepted)
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(s int) { w.status = s; w.ResponseWriter.WriteHeader(s) }

// open decrypts as the contract, §4.1, says, step by step.
func (v *receiver) open(d delivered) map[string]any {
	e := d.Item.Encrypted
	if e.EncryptionCertificateThumbprint != v.thumbprint {
		v.t.Errorf("thumbprint %s", e.EncryptionCertificateThumbprint)
	}
	key, err := rsa.DecryptOAEP(sha1.New(), nil, v.key, e.DataKey, nil)
	if err != nil || len(key) != 32 {
		v.t.Errorf("dataKey: %v, %d bytes", err, len(key))
		return nil
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(e.Data)
	if !hmac.Equal(mac.Sum(nil), e.DataSignature) {
		v.t.Error("dataSignature does not fit")
		return nil
	}
	block, err := aes.NewCipher(key)
	if err != nil || len(e.Data) == 0 || len(e.Data)%16 != 0 {
		v.t.Errorf("data: %v, %d bytes", err, len(e.Data))
		return nil
	}
	plain := make([]byte, len(e.Data))
	cipher.NewCBCDecrypter(block, key[:16]).CryptBlocks(plain, e.Data)
	pad := int(plain[len(plain)-1])
	if pad < 1 || pad > 16 || !bytes.Equal(plain[len(plain)-pad:], bytes.Repeat([]byte{byte(pad)}, pad)) {
		v.t.Errorf("padding %d", pad)
		return nil
	}
	var o map[string]any
	if err := json.Unmarshal(plain[:len(plain)-pad], &o); err != nil {
		v.t.Errorf("plaintext: %v", err)
	}
	return o
}
