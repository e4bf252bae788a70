package docs_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"jtel.de/presencebridge/internal/graphsim"
)

// collection is what we use of Postman's format v2.1.
type collection struct {
	Info  struct{ Schema string }
	Items []struct {
		Name  string
		Event []struct {
			Listen string
			Script struct{ Exec []string }
		}
		Request struct {
			Method, URL string
			Header      []pair
			Auth        struct {
				Type   string
				Bearer []pair
			}
			Body struct {
				Mode, Raw  string
				URLEncoded []pair
			}
		}
	} `json:"item"`
	Variable []pair
}

type pair struct{ Key, Value string }

// The forms of script line that the collection keeps to, and this runner knows.
var (
	wantStatus = regexp.MustCompile(`^pm\.test\(".*", \(\) => pm\.response\.to\.have\.status\((\d+)\)\);$`)
	wantString = regexp.MustCompile(`^pm\.test\(".*", \(\) => pm\.expect\(pm\.response\.json\(\)\.(\S+)\)\.to\.be\.a\("string"\)\);$`)
	setAnswer  = regexp.MustCompile(`^pm\.collectionVariables\.set\("(\w+)", pm\.response\.json\(\)\.(\S+)\);$`)
	setTime    = regexp.MustCompile(`^pm\.collectionVariables\.set\("(\w+)", new Date\(Date\.now\(\) \+ (\d+) \* 60000\)\.toISOString\(\)\);$`)
	variable   = regexp.MustCompile(`\{\{(\w+)\}\}`)
)

// runner runs a collection as Postman does.
type runner struct {
	t    *testing.T
	http *http.Client
	vars map[string]string
}

func (r *runner) fill(text string) string {
	return variable.ReplaceAllStringFunc(text, func(m string) string {
		value := r.vars[strings.Trim(m, "{}")]
		if value == "" {
			r.t.Fatalf("the variable %s is empty in %s", m, text)
		}
		return value
	})
}

func (r *runner) send(c collection, i int) (int, map[string]any) {
	q := c.Items[i].Request
	var body io.Reader
	kind := ""
	switch q.Body.Mode {
	case "urlencoded":
		form := url.Values{}
		for _, p := range q.Body.URLEncoded {
			form.Set(p.Key, r.fill(p.Value))
		}
		body, kind = strings.NewReader(form.Encode()), "application/x-www-form-urlencoded"
	case "raw":
		body = strings.NewReader(r.fill(q.Body.Raw))
	}
	address := strings.ReplaceAll(r.fill(q.URL), " ", "%20")
	req, err := http.NewRequestWithContext(r.t.Context(), q.Method, address, body)
	if err != nil {
		r.t.Fatal(err)
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	for _, h := range q.Header {
		req.Header.Set(h.Key, r.fill(h.Value))
	}
	if q.Auth.Type == "bearer" {
		req.Header.Set("Authorization", "Bearer "+r.fill(q.Auth.Bearer[0].Value))
	}
	res, err := r.http.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	var answer map[string]any
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &answer); err != nil {
			r.t.Fatalf("%s: %v", raw, err)
		}
	}
	return res.StatusCode, answer
}

// script runs one line of a script.
func (r *runner) script(name, line string, status int, answer map[string]any) {
	if m := wantStatus.FindStringSubmatch(line); m != nil {
		if strconv.Itoa(status) != m[1] {
			r.t.Fatalf("%s answers %d, want %s: %v", name, status, m[1], answer)
		}
	} else if m := wantString.FindStringSubmatch(line); m != nil {
		if text, ok := member(answer, m[1]).(string); !ok || text == "" {
			r.t.Errorf("%s: %s of the answer is no text: %v", name, m[1], answer)
		}
	} else if m := setAnswer.FindStringSubmatch(line); m != nil {
		r.vars[m[1]] = fmt.Sprint(member(answer, m[2]))
	} else if m := setTime.FindStringSubmatch(line); m != nil {
		minutes, _ := strconv.Atoi(m[2])
		r.vars[m[1]] = time.Now().Add(time.Duration(minutes) * time.Minute).UTC().Format("2006-01-02T15:04:05.000Z")
	} else {
		r.t.Errorf("%s: the line %q of its script is of no known form", name, line)
	}
}

// member follows a path like value[0].id.
func member(v any, path string) any {
	for _, step := range regexp.MustCompile(`\w+`).FindAllString(path, -1) {
		switch x := v.(type) {
		case map[string]any:
			v = x[step]
		case []any:
			if n, err := strconv.Atoi(step); err == nil && n < len(x) {
				v = x[n]
			} else {
				v = nil
			}
		}
	}
	return v
}

// run runs everything from top to bottom and counts the requests that are tested.
func (r *runner) run(c collection) {
	for _, p := range c.Variable {
		if _, set := r.vars[p.Key]; !set {
			r.vars[p.Key] = p.Value
		}
	}
	for i, item := range c.Items {
		tested := false
		for _, e := range item.Event {
			if e.Listen == "prerequest" {
				for _, line := range e.Script.Exec {
					r.script(item.Name, line, 0, nil)
				}
			}
		}
		status, answer := r.send(c, i)
		for _, e := range item.Event {
			if e.Listen == "test" {
				for _, line := range e.Script.Exec {
					tested = tested || wantStatus.MatchString(line)
					r.script(item.Name, line, status, answer)
				}
			}
		}
		if !tested {
			r.t.Errorf("%s tests no status", item.Name)
		}
	}
}

// The requests that the guide offers work, against a tenant whose passwords have
// every character that a form could trip over.
func TestRequestCollection(t *testing.T) {
	var c collection
	if err := json.Unmarshal(read(t, "requests/presence-bridge.postman_collection.json"), &c); err != nil {
		t.Fatal(err)
	}
	if c.Info.Schema != "https://schema.getpostman.com/json/collection/v2.1.0/collection.json" {
		t.Errorf("schema %s", c.Info.Schema)
	}
	receiver := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, r.URL.Query().Get("validationToken"))
	}))
	defer receiver.Close()
	roots := x509.NewCertPool()
	roots.AddCert(receiver.Certificate())
	sim := graphsim.New(graphsim.Options{Seed: 7, Roots: roots})
	if err := sim.Start(); err != nil {
		t.Fatal(err)
	}
	defer sim.Close()
	tenant := sim.Tenant()
	const password = `a[b]<c>?d#e&f+g%h ä"ö\ü=;'/`
	sim.SetAccount(tenant.Accounts[0].Username, func(a *graphsim.Account) { a.Password = password })

	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(sim.CA())
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}}
	defer transport.CloseIdleConnections()
	r := &runner{t: t, http: &http.Client{Transport: transport, Timeout: 30 * time.Second}, vars: map[string]string{
		"authority": sim.AuthorityURL(), "graph": sim.GraphURL(), "public_url": receiver.URL,
		"tenant_id": tenant.ID, "client_id": tenant.App.ID, "client_secret": tenant.App.Secret,
		"username": tenant.Accounts[0].Username, "password": password,
		"encryption_certificate": certificate(t),
	}}
	r.run(c)
	if left := sim.Subscriptions(); len(left) > 0 {
		t.Errorf("the collection leaves %v behind", left)
	}
	for _, line := range sim.History() {
		if line.Breach != "" {
			t.Errorf("%s %s: %s", line.Method, line.Path, line.Breach)
		}
	}
}

// certificate is one for Graph to encrypt with, as the guide's command makes it.
func certificate(t *testing.T) string {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, form, form, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(der)
}
