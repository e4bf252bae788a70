package sdk

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	khttp "github.com/microsoft/kiota-http-go"
	graphcore "github.com/microsoftgraph/msgraph-sdk-go-core"
)

const (
	maxWait   = 30 * time.Second // a longer Retry-After goes back to the caller
	maxError  = 64 << 10         // bytes of an error answer that are read
	maxAnswer = 32 << 20         // bytes of any answer; a page of 999 users has about 0.5 MB
)

// middlewares is our own list in a fixed order, outermost first. The SDK's
// default order is random (it ranges over a map), and in half of the orders a
// repeated POST goes out as plain JSON labelled gzip. So: no compression.
func middlewares(log *slog.Logger, turns calls) []khttp.Middleware {
	return []khttp.Middleware{
		answers{},
		graphcore.NewGraphTelemetryHandler(&graphcore.GraphClientOptions{}),
		bodies{},
		khttp.NewRetryHandlerWithOptions(khttp.RetryHandlerOptions{MaxRetries: 3, DelaySeconds: 1, ShouldRetry: retry(log)}),
		khttp.NewRedirectHandlerWithOptions(khttp.RedirectHandlerOptions{
			ShouldRedirect: func(r *http.Request, _ *http.Response) bool { return r.Method == http.MethodGet },
		}),
		khttp.NewParametersNameDecodingHandler(),
		khttp.NewUserAgentHandler(),
		turns,
	}
}

// bodies gives requests a length and a way to send the body again. The SDK gives
// neither: bodies would go out chunked, and a connection that the server closed
// while it was idle would fail the call.
type bodies struct{}

func (bodies) Intercept(next khttp.Pipeline, i int, r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r.ContentLength = int64(len(body))
		r.GetBody = func() (io.ReadCloser, error) { return khttp.NopCloser(bytes.NewReader(body)), nil }
		r.Body, _ = r.GetBody()
	}
	return next.Next(r, i)
}

// retry decides about 429, 503 and 504, the statuses at which the SDK asks.
func retry(log *slog.Logger) func(time.Duration, int, *http.Request, *http.Response) bool {
	return func(_ time.Duration, _ int, r *http.Request, res *http.Response) bool {
		wait, told := retryAfter(res.Header, time.Now())
		if wait > maxWait {
			return false
		}
		// A lost 201 would make a second subscription, app or secret; after a 429
		// there was none. Only reading by POST may be repeated blindly.
		creates := r.Method == http.MethodPost && !strings.HasSuffix(r.URL.Path, "/getPresencesByUserId")
		if creates && (res.StatusCode != http.StatusTooManyRequests || !told) {
			return false
		}
		if end, ok := r.Context().Deadline(); ok && time.Until(end) <= wait {
			return false // rather the answer of Graph than our own deadline
		}
		// The SDK drains nothing: over HTTP/1.1 every repeat would cost a connection.
		io.Copy(io.Discard, io.LimitReader(res.Body, maxError))
		res.Body.Close()
		if r.GetBody != nil { // a fresh one: the transport may still be reading the old
			r.Body, _ = r.GetBody()
		}
		log.Debug("graph asks to try later", "status", res.StatusCode, "method", r.Method, "retry_after", wait)
		return true
	}
}

// retryAfter reads the header in both of its forms; told is false without one.
func retryAfter(h http.Header, now time.Time) (wait time.Duration, told bool) {
	v := h.Get("Retry-After")
	if s, err := strconv.ParseFloat(v, 64); err == nil {
		return max(0, time.Duration(min(s, 1e6)*float64(time.Second))), true
	}
	if t, err := http.ParseTime(v); err == nil {
		return max(0, t.Sub(now)), true
	}
	return 0, false
}

// answers brings every error answer into one form that the SDK understands. By
// itself the SDK loses the status of a proxy's HTML page and of any error whose
// members it does not expect, and panics on one without a message.
type answers struct{}

func (answers) Intercept(next khttp.Pipeline, i int, r *http.Request) (*http.Response, error) {
	res, err := next.Next(r, i)
	if err != nil {
		return res, err
	}
	if res.StatusCode < 300 {
		res.Body = http.MaxBytesReader(nil, res.Body, maxAnswer)
		return res, nil
	}
	body, _ := io.ReadAll(io.LimitReader(res.Body, maxError))
	res.Body.Close()
	if res.StatusCode < 400 { // the SDK takes it for success
		return nil, fmt.Errorf("graph redirects a %s elsewhere (status %d)", r.Method, res.StatusCode)
	}
	tame(res.Header)
	body = plainError(res, body)
	res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	res.Header.Set("Content-Type", "application/json")
	return res, nil
}

var quotedClaims = regexp.MustCompile(`claims\s*=\s*"[^"]*"`)

// tame drops a challenge whose claims are not quoted: the SDK would panic.
func tame(h http.Header) {
	if v := h.Get("WWW-Authenticate"); strings.Contains(v, "claims") && !quotedClaims.MatchString(v) {
		h.Del("WWW-Authenticate")
	}
}

// plainError rewrites the body of an error to the members that we use.
func plainError(res *http.Response, body []byte) []byte {
	var told struct {
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
			Inner   struct {
				RequestID string `json:"request-id"`
			} `json:"innerError"` // any case: older bodies say innererror
		} `json:"error"`
	}
	if json.Unmarshal(body, &told) != nil || told.Error.Code == "" && told.Error.Message == "" {
		told.Error.Code = "HTTP" + strconv.Itoa(res.StatusCode)
		told.Error.Message = strings.TrimSpace(fmt.Sprintf("%.200s", strings.ToValidUTF8(string(body), "")))
	}
	if told.Error.Inner.RequestID == "" {
		told.Error.Inner.RequestID = res.Header.Get("request-id")
	}
	b, _ := json.Marshal(told) // strings only: it cannot fail
	return b
}
