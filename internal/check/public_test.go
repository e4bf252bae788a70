package check_test

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"jtel.de/presencebridge/internal/check"
	"jtel.de/presencebridge/internal/graphsim"
)

// front serves in front of Presence Bridge, as a proxy does, with the
// certificate of the site.
func (s *site) front(h http.HandlerFunc) (hostPort string) {
	s.t.Helper()
	pair, err := tls.X509KeyPair(s.files["callback.pem"], s.files["callback-key.pem"])
	if err != nil {
		s.t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}})
	if err != nil {
		s.t.Fatal(err)
	}
	server := &http.Server{Handler: h}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(l) }()
	s.t.Cleanup(func() { server.Close(); <-done })
	s.file["public_url"] = "https://" + l.Addr().String()
	return l.Addr().String()
}

func echo(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	_, _ = io.WriteString(w, r.URL.Query().Get("validationToken"))
}

// proof of what Microsoft sees: the trial.
var notValidated = want{"user.subscription", check.Failed, "400", "called the public address and got no good answer", "firewall"}

var publicCases = []struct {
	name   string
	change func(*site)
	wants  []want
	others []string
}{
	{"nobody listens in front", func(s *site) { s.file["public_url"] = "https://" + free(s.t) }, []want{
		{"public.tls", check.Warning, "", "cannot be reached from this machine", "public-endpoint"},
		{"public.notifications", check.Warning, "", "cannot be reached", "public-endpoint"},
		notValidated,
	}, nil},
	{"a proxy alone", func(s *site) {
		s.front(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "bad gateway", http.StatusBadGateway) })
	}, []want{
		{"public.notifications", check.Failed, "", "does not reach Presence Bridge", "public-endpoint"},
		notValidated,
	}, []string{"public.lifecycle"}},
	{"a redirection", func(s *site) {
		s.front(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) })
	}, []want{
		{"public.notifications", check.Failed, "", "redirection", "public-endpoint"},
		notValidated,
	}, []string{"public.lifecycle"}},
	{"a page of something else", func(s *site) {
		s.front(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>Welcome</html>") })
	}, []want{
		{"public.notifications", check.Failed, "", "something else answers", "public-endpoint"},
		{"user.subscription", check.Failed, "400", "something else than Presence Bridge", "public-endpoint"},
	}, []string{"public.lifecycle"}},
	{"only one path is passed on", func(s *site) {
		s.front(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/lifecycle") {
				http.NotFound(w, r)
				return
			}
			echo(w, r)
		})
	}, []want{
		{"public.lifecycle", check.Failed, "", "not 200", "public-endpoint"},
		// Somebody answers at the address: a service that is not to be disturbed.
		{"user.subscription", check.Skipped, "", "the service runs", "public-endpoint"},
	}, nil},
	{"certificate expired", func(s *site) {
		s.files["callback.pem"], s.files["callback-key.pem"] = s.ca.serve(s.t, time.Now().Add(-time.Hour), "127.0.0.1")
	}, []want{
		{"public.certificate", check.Failed, "", "has expired on", "public-endpoint"},
		{"public.tls", check.Failed, "", "has expired on", "public-endpoint"},
		{"public.notifications", check.Skipped, "", "not tried", "public-endpoint"},
	}, []string{"user.subscription"}},
	{"certificate ends soon", func(s *site) {
		s.files["callback.pem"], s.files["callback-key.pem"] = s.ca.serve(s.t, time.Now().Add(5*24*time.Hour), "127.0.0.1")
	}, []want{
		{"public.certificate", check.Warning, "", "days", "afterwards"},
		{"public.tls", check.Warning, "", "days", "afterwards"},
	}, nil},
	{"certificate for another name", func(s *site) {
		s.files["callback.pem"], s.files["callback-key.pem"] = s.ca.serve(s.t, time.Now().Add(90*24*time.Hour), "other.example")
	}, []want{
		{"public.certificate", check.Failed, "", "is not for 127.0.0.1, but for: other.example", "public-endpoint"},
		{"public.tls", check.Failed, "", "is not for 127.0.0.1", "public-endpoint"},
	}, []string{"user.subscription"}},
	{"chain not sent", func(s *site) {
		between := newAuthority(s.t, "Intermediate CA", &s.ca)
		s.files["callback.pem"], s.files["callback-key.pem"] = between.serve(s.t, time.Now().Add(90*24*time.Hour), "127.0.0.1")
	}, []want{
		{"public.certificate", check.Failed, "", "without the one of its issuer CN=Intermediate CA", "public-endpoint"},
		{"public.tls", check.Failed, "", "without the one of its issuer CN=Intermediate CA", "public-endpoint"},
	}, []string{"user.subscription"}},
	{"chain sent", func(s *site) {
		between := newAuthority(s.t, "Intermediate CA", &s.ca)
		cert, key := between.serve(s.t, time.Now().Add(90*24*time.Hour), "127.0.0.1")
		s.files["callback.pem"], s.files["callback-key.pem"] = append(cert, between.pem()...), key
	}, []want{{"public.tls", check.OK, "", "", "public-endpoint"}}, nil},
	{"authority of our own", func(s *site) {
		own := newAuthority(s.t, "Own CA", nil)
		cert, key := own.serve(s.t, time.Now().Add(90*24*time.Hour), "127.0.0.1")
		s.files["callback.pem"], s.files["callback-key.pem"] = append(cert, own.pem()...), key
	}, []want{
		{"public.certificate", check.Failed, "", "ends at CN=Own CA, which is no public root", "public-endpoint"},
		{"public.tls", check.Failed, "", "ends at CN=Own CA", "public-endpoint"},
	}, []string{"user.subscription"}},
	{"no TLS at all", func(s *site) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			s.t.Fatal(err)
		}
		server := &http.Server{Handler: http.HandlerFunc(echo)}
		done := make(chan struct{})
		go func() { defer close(done); _ = server.Serve(l) }()
		s.t.Cleanup(func() { server.Close(); <-done })
		s.file["public_url"] = "https://" + l.Addr().String()
	}, []want{{"public.tls", check.Failed, "", "speaks no TLS", "public-endpoint"}, notValidated}, nil},
	{"name unknown in DNS", func(s *site) { s.file["public_url"] = "https://presence..example" }, []want{
		{"public.name", check.Failed, "", "cannot be resolved", "public-endpoint"},
		{"public.tls", check.Skipped, "", "not tried", "public-endpoint"},
	}, []string{"public.certificate", "user.subscription"}},
	{"nobody can listen there", func(s *site) {
		s.file["listen"] = fmt.Sprintf("{callback: \"192.0.2.1:8443\", admin: %q}", free(s.t))
	}, []want{
		{"public.listener", check.Failed, "", "nobody can listen at 192.0.2.1:8443", "public-endpoint"},
		{"public.notifications", check.Skipped, "", "not tried", "public-endpoint"},
		{"user.subscription", check.Skipped, "", "not tried, because this did not work: somebody answers", "public-endpoint"},
	}, nil},
	{"certificate by ACME, before the first start", func(s *site) {
		_, port, err := net.SplitHostPort(s.callback)
		if err != nil {
			s.t.Fatal(err)
		}
		s.file["public_url"] = "https://presence.localhost:" + port
		s.file["tls"] = "{mode: acme, acme: {email: a@contoso.com, accept_terms: true}}"
	}, []want{
		{"public.listener", check.Skipped, "", "the service itself gets the certificate", "public-endpoint"},
		{"public.tls", check.Skipped, "", "not tried", "public-endpoint"},
		{"user.subscription", check.Skipped, "", "not tried", "public-endpoint"},
	}, []string{"public.name"}},
	{"another process listens", func(s *site) {
		l, err := net.Listen("tcp", s.callback)
		if err != nil {
			s.t.Fatal(err)
		}
		s.t.Cleanup(func() { l.Close() })
		done := make(chan struct{})
		go func() { // it hangs up on everybody
			defer close(done)
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				c.Close()
			}
		}()
		s.t.Cleanup(func() { l.Close(); <-done })
	}, []want{
		{"public.listener", check.Warning, "", "another process listens", "public-endpoint"},
		{"user.subscription", check.Skipped, "", "the service runs", "public-endpoint"},
	}, nil},
	{"behind a proxy without TLS", func(s *site) {
		s.file["tls"] = "{mode: off}"
		target := s.callback
		s.front(func(w http.ResponseWriter, r *http.Request) {
			res, err := http.Post("http://"+target+r.URL.RequestURI(), r.Header.Get("Content-Type"), r.Body)
			if err != nil {
				http.Error(w, "bad gateway", http.StatusBadGateway)
				return
			}
			defer res.Body.Close()
			w.Header().Set("Content-Type", res.Header.Get("Content-Type"))
			w.WriteHeader(res.StatusCode)
			_, _ = io.Copy(w, res.Body)
		})
		s.t.Cleanup(http.DefaultClient.CloseIdleConnections)
	}, []want{
		{"public.notifications", check.OK, "", "", "public-endpoint"},
		{"user.subscription", check.OK, "", "", "public-endpoint"},
	}, nil},
	{"Microsoft has a ghost", func(s *site) {
		s.SetFaults(graphsim.Faults{GhostConflict: time.Hour})
		public := s.file["public_url"]
		s.subscribe(s.front(echo))
		s.file["public_url"] = public
		for _, sub := range s.Subscriptions() {
			s.delete(sub.ID)
		}
	}, []want{{"user.subscription", check.Failed, "409", "has a subscription already, but lists none", "service-users"}}, nil},
	{"the answer to a create is lost", func(s *site) { s.SetFaults(graphsim.Faults{LostCreates: 1}) }, []want{
		{"user.subscription", check.Failed, "504", "busy or away", "public-endpoint"},
	}, nil},
	{"subscriptions refused", func(s *site) {
		s.SetFaults(graphsim.Faults{Refuse: []graphsim.Refusal{{Method: "POST", Path: "/subscriptions", Status: 403, Code: "ExtensionError"}}})
	}, []want{{"user.subscription", check.Failed, "403", "may not make subscriptions", "permissions"}}, nil},
	{"a broken person", func(s *site) {
		s.SetFaults(graphsim.Faults{Refuse: []graphsim.Refusal{{Method: "POST", Path: "/subscriptions", Status: 400, Code: "ExtensionError", Message: "No."}}})
	}, []want{{"user.subscription", check.Failed, "400", "makes no subscription", "public-endpoint"}}, nil},
	{"the trial cannot be deleted", func(s *site) {
		s.SetFaults(graphsim.Faults{Refuse: []graphsim.Refusal{{Method: "DELETE", Path: "/subscriptions", Status: 400, Code: "ExtensionError", Message: "No."}}})
		s.t.Cleanup(func() { s.SetFaults(graphsim.Faults{}) })
		s.leaves = true
	}, []want{{"user.subscription", check.Failed, "", "could not be deleted; it ends by itself at", "public-endpoint"}}, nil},
}

func TestPublicAddress(t *testing.T) {
	for _, c := range publicCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			c.change(s)
			judge(t, s.check(check.English), c.wants, c.others)
		})
	}
}

// A service user that carries people is left alone.
func TestSubscriptionsAreLeftAlone(t *testing.T) {
	s := newSite(t)
	public := s.file["public_url"]
	s.subscribe(s.front(echo))
	s.file["public_url"] = public
	before := s.Subscriptions()
	f := s.check(check.English).step(t, "user.subscription")
	if f.State != check.Warning || !strings.Contains(f.Meaning, "leads elsewhere") {
		t.Errorf("%+v", f)
	}
	front := s.front(echo)
	s.delete(before[0].ID)
	s.subscribe(front)
	before = s.Subscriptions()
	f = s.check(check.English).step(t, "user.subscription")
	if f.State != check.OK || !strings.Contains(f.Title, "not tried, it carries 1 people until") {
		t.Errorf("%+v", f)
	}
	if after := s.Subscriptions(); len(after) != 1 || after[0].ID != before[0].ID {
		t.Errorf("%+v became %+v", before, after)
	}
	for _, line := range s.History() {
		if line.Who == s.Tenant().Accounts[0].Username && line.Method != http.MethodGet && strings.HasPrefix(line.Path, "/v1.0/subscriptions") && line.At.After(before[0].Created.Add(time.Second)) {
			t.Errorf("%s %s", line.Method, line.Path)
		}
	}
}

// subscribe makes a subscription of the first service user that leads to front.
func (s *site) subscribe(front string) {
	s.t.Helper()
	front = "https://" + front + "/graph/notifications"
	body, err := json.Marshal(map[string]any{
		"changeType": "updated", "notificationUrl": front, "resource": "/communications/presences/" + s.Tenant().Users[0].ID,
		"expirationDateTime": time.Now().UTC().Add(50 * time.Minute).Format(time.RFC3339), "clientState": "x",
	})
	if err != nil {
		s.t.Fatal(err)
	}
	if status, text := s.call(http.MethodPost, "/subscriptions", string(body)); status != http.StatusCreated {
		s.t.Fatalf("%d %s", status, text)
	}
}

func (s *site) delete(id string) {
	s.t.Helper()
	if status, text := s.call(http.MethodDelete, "/subscriptions/"+id, ""); status != http.StatusNoContent {
		s.t.Fatalf("%d %s", status, text)
	}
}

// call speaks to Graph as the first service user.
func (s *site) call(method, path, body string) (int, string) {
	s.t.Helper()
	tenant := s.Tenant()
	client := s.client()
	defer client.CloseIdleConnections()
	res, err := client.PostForm(s.AuthorityURL()+"/"+tenant.ID+"/oauth2/v2.0/token", url.Values{
		"client_id": {tenant.App.ID}, "client_secret": {tenant.App.Secret}, "grant_type": {"password"}, "scope": {"https://graph.microsoft.com/.default"},
		"username": {tenant.Accounts[0].Username}, "password": {tenant.Accounts[0].Password},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	var token struct {
		Text string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&token); err != nil {
		s.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.GraphURL()+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token.Text)
	r.Header.Set("Content-Type", "application/json")
	answer, err := client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}
