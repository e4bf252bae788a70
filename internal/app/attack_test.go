package app_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"jtel.de/presencebridge/internal/graphsim"
)

// counters reads every counter and gauge of ours.
func (b *bridge) counters() map[string]float64 {
	b.t.Helper()
	_, text := b.admin("/metrics")
	all := map[string]float64{}
	for line := range strings.Lines(text) {
		name, value, found := strings.Cut(strings.TrimSpace(line), " ")
		if rest, ours := strings.CutPrefix(name, "presencebridge_"); found && ours {
			all[rest], _ = strconv.ParseFloat(value, 64)
		}
	}
	return all
}

// counted waits until something is counted once more than before.
func (b *bridge) counted(before map[string]float64, series string, by float64) {
	b.t.Helper()
	b.eventually(series, func() bool { return b.counters()[series] >= before[series]+by })
	if n := b.counters()[series] - before[series]; n != by {
		b.t.Errorf("%s grew by %v, want %v", series, n, by)
	}
}

// Whatever is wrong with an item is counted under its reason, nothing of it is
// published, and the sender learns nothing.
func TestForgedItemsAreCounted(t *testing.T) {
	b := newBridge(t, graphsim.Options{}, nil)
	b.start(false)
	b.covered()
	b.settled()
	published := len(b.history())
	reasons := map[string]string{
		"wrong-client-state": "client_state", "missing-client-state": "client_state", "foreign-tenant": "unknown_tenant",
		"wrong-audience": "token_audience", "wrong-publisher": "token_publisher", "wrong-issuer": "token_issuer",
		"wrong-tenant": "token_tenant", "expired-token": "token_expired", "future-token": "token_not_yet_valid",
		"alg-none": "token_algorithm", "hs256": "token_algorithm", "wrong-token-signature": "token_signature",
		"null-tokens": "token_missing", "empty-tokens": "token_missing", "missing-tokens": "token_missing",
		"garbage-token": "token_malformed", "wrong-certificate-id": "unknown_certificate",
		"wrong-signature": "content", "changed-data": "content", "truncated": "content", "empty-data": "content",
		"wrong-key": "content", "oaep-sha256": "content", "bad-padding": "content", "short-key": "content",
		"not-json-inside": "malformed_presence", "other-person-inside": "id_mismatch",
	}
	for _, kind := range graphsim.ForgeKinds() {
		reason, known := reasons[kind]
		switch {
		case known:
		// The first two are not forged for us: who has the client state, a token and
		// our key is Microsoft. An item without content is a wish to read, an unknown
		// key may be new, and half a body is none; see TestForgedBatchesPublishNothing.
		case kind == "genuine" || kind == "unknown-subscription" || kind == "no-content" || kind == "unknown-kid" || kind == "truncated-body":
			continue
		default:
			t.Errorf("%s: no reason is expected", kind)
		}
		body, err := b.sim.Forge(kind, b.user(0), b.user(1))
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		before := b.counters()
		if status, err := b.sim.Post(t.Context(), body); err != nil || status != http.StatusAccepted {
			t.Errorf("%s: status %d, %v", kind, status, err)
		}
		b.counted(before, `notifications_refused_total{reason="`+reason+`"}`, 2)
	}
	if history := b.history(); len(history) != published {
		t.Errorf("%d events came of it: %s", len(history)-published, pretty(history[published:]))
	}
	if log := b.log.all(); !strings.Contains(log, "appRoleAssignmentRequired") {
		t.Error("the operator is not told why tokens are missing")
	}
}

// unknown key ids make us ask Microsoft once a minute, however many come.
func TestAStormOfUnknownKeysAsksOnce(t *testing.T) {
	b := newBridge(t, graphsim.Options{}, nil)
	b.start(false)
	b.covered()
	published := len(b.history())
	asked := func() int {
		return b.requests(func(r graphsim.Request) bool { return strings.Contains(r.Path, "/discovery/v2.0/keys") })
	}
	before := asked()
	for range 50 {
		body, err := b.sim.Forge("unknown-kid", b.user(0))
		if err != nil {
			t.Fatal(err)
		}
		if status, err := b.sim.Post(t.Context(), body); err != nil || status != http.StatusServiceUnavailable && status != http.StatusAccepted {
			t.Errorf("status %d, %v", status, err)
		}
	}
	if n := asked() - before; n > 1 {
		t.Errorf("asked %d times", n)
	}
	if n := len(b.history()) - published; n != 0 {
		t.Errorf("%d events came of it", n)
	}
}

// What strangers try with HTTP and JSON is answered without a word, counted, and
// leads nowhere.
func TestAttacksOnThePublicSide(t *testing.T) {
	b := newBridge(t, graphsim.Options{}, nil)
	b.start(false)
	b.covered()
	published := len(b.history())
	const notifications, json = "/graph/notifications", "application/json"
	cause := func(kind, status, cause string) string {
		return `callback_requests_total{cause="` + cause + `",kind="` + kind + `",status="` + status + `"}`
	}
	large := strings.Repeat(" ", 5<<20)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer client.CloseIdleConnections()
	for _, c := range []struct {
		name, path, media, encoding string
		body                        io.Reader
		series                      string
	}{
		{"gzip bomb", notifications, json, "gzip", strings.NewReader("\x1f\x8b"), cause("notifications", "415", "media_type")},
		{"large", notifications, json, "", strings.NewReader(large), cause("notifications", "413", "too_large")},
		{"chunked bomb", notifications, json, "", io.MultiReader(strings.NewReader(large)), cause("notifications", "413", "too_large")},
		{"nesting", notifications, json, "", strings.NewReader(strings.Repeat(`{"value":[`, 4<<20/10)), cause("notifications", "400", "malformed")},
		{"nesting in a member", notifications, json, "", strings.NewReader(`{"x":` + strings.Repeat("[", 4<<20-100)), cause("notifications", "400", "malformed")},
		{"doubled names", notifications, json, "", strings.NewReader(`{"value":[],"value":[]}`), cause("notifications", "400", "malformed")},
		{"bad UTF-8", notifications, json, "", strings.NewReader("{\"value\":[{\"x\":\"\xff\"}]}"), cause("notifications", "400", "malformed")},
		{"form", notifications, "application/x-www-form-urlencoded", "", strings.NewReader("value=1"), cause("notifications", "415", "media_type")},
		{"script", notifications + "?validationToken=%3Cscript%3Ealert(1)%3C/script%3E", "", "", nil, cause("handshake", "400", "handshake")},
		{"response splitting", "/graph/lifecycle?validationToken=a%0D%0ASet-Cookie:%20a=b", "", "", nil, cause("handshake", "400", "handshake")},
	} {
		before := b.counters()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+b.callback+c.path, c.body)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", c.media)
		if c.encoding != "" {
			req.Header.Set("Content-Encoding", c.encoding)
		}
		res, err := client.Do(req)
		if err == nil {
			body, _ := io.ReadAll(res.Body)
			res.Body.Close()
			if len(body) != 0 || res.Header.Get("Set-Cookie") != "" {
				t.Errorf("%s is answered with %q", c.name, body)
			}
		} // else the server hung up on what was still being sent
		b.counted(before, c.series, 1)
	}

	before := b.counters()
	conn, err := tls.Dial("tcp", b.callback, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "POST /graph/notifications HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, conn)
	b.counted(before, `callback_connections_dropped_total{reason="not_http"}`, 1)

	before = b.counters()
	if scanner, err := net.Dial("tcp", b.callback); err != nil {
		t.Fatal(err)
	} else if err := scanner.Close(); err != nil {
		t.Fatal(err)
	}
	b.counted(before, `callback_connections_dropped_total{reason="silent"}`, 1)

	if n := len(b.history()) - published; n != 0 {
		t.Errorf("%d events came of it", n)
	}
}

// A genuine notification that somebody has recorded is of no use later, not
// even when the person has moved on.
func TestReplay(t *testing.T) {
	b := newBridge(t, graphsim.Options{}, nil)
	b.start(false)
	b.covered()
	b.settled()
	recorded, err := b.sim.Forge("genuine", b.user(0))
	if err != nil {
		t.Fatal(err)
	}
	if status, err := b.sim.Post(t.Context(), recorded); err != nil || status != http.StatusAccepted {
		t.Fatalf("status %d, %v", status, err)
	}
	b.eventually("correction", b.agrees) // it was never true
	published := len(b.history())
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}, Timeout: patience}
	defer client.CloseIdleConnections()
	for range 3 {
		res, err := client.Post("https://"+b.callback+"/graph/notifications", "application/json", bytes.NewReader(recorded))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusAccepted {
			t.Errorf("status %d", res.StatusCode)
		}
	}
	if n := len(b.history()) - published; n != 0 {
		t.Errorf("%d events came of it", n)
	}
}
