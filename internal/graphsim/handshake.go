package graphsim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// handshakeDeadline is not divided by the speed.
const handshakeDeadline = 10 * time.Second

// handshake asks a notification URL to echo a token.
func (s *Simulator) handshake(ctx context.Context, target, tlsVersion string) error {
	token := "Validation: Testing client application reachability for subscription Request-Id: " + s.ids.guid()
	ctx, cancel := context.WithTimeout(ctx, handshakeDeadline)
	defer cancel()
	started := time.Now()
	status, body, err := s.echo(ctx, withToken(target, token), tlsVersion)
	line := Request{At: started, Kind: KindHandshake, Method: http.MethodPost, Path: target, Status: status, Took: time.Since(started)}
	var refusal error
	timeout, isNet := errors.AsType[net.Error](err)
	switch {
	case isNet && timeout.Timeout() || ctx.Err() != nil:
		refusal = badRequest("ValidationError", "Subscription validation request timed out.")
	case err != nil || status != http.StatusOK:
		refusal = badRequest("ValidationError", "Subscription validation request failed. Notification endpoint must respond with 200 OK to validation request.")
	case body != token:
		refusal = badRequest("ValidationError", "Subscription validation request failed. Response must exactly match validationToken query parameter.")
	}
	if err != nil {
		line.Error = err.Error()
	}
	if refusal != nil {
		line.Code = "ValidationError"
	}
	s.record(line)
	return refusal
}

// withToken appends the token to what query the URL has; colons are escaped in
// lower case, as Graph does.
func withToken(target, token string) string {
	join := "?"
	if strings.Contains(target, "?") {
		join = "&"
	}
	return target + join + "validationToken=" + strings.ReplaceAll(url.QueryEscape(token), "%3A", "%3a")
}

// echo gives the body only if it is plain text.
func (s *Simulator) echo(ctx context.Context, target, tlsVersion string) (status int, body string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, target, nil)
	if err != nil {
		return 0, "", fmt.Errorf("validate notification url: %w", err)
	}
	r.Header.Set("Content-Type", "text/plain; charset=utf-8")
	res, err := s.sender.client(tlsVersion).Do(r)
	if err != nil {
		return 0, "", fmt.Errorf("validate notification url: %w", err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, 8<<10))
	if err != nil {
		return res.StatusCode, "", fmt.Errorf("validate notification url: %w", err)
	}
	if t, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type")); t != "text/plain" {
		return res.StatusCode, "", nil
	}
	return res.StatusCode, string(b), nil
}

// checkURL refuses what is no https URL. Unlike Graph, the simulator calls hosts
// of the private network, and any port.
func checkURL(name, text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
		return badRequest("ValidationError", "The "+name+" must be an absolute https URL.")
	}
	return nil
}
