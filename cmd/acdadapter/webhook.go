package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"jtel.de/presencebridge/events"
)

// webhook posts decisions to the ACD, signed as the Standard Webhooks
// specification says (standardwebhooks.com), for which there are libraries in
// many languages.
type webhook struct {
	url    string
	key    []byte
	client *http.Client
	now    func() time.Time
}

// newWebhook: the secret is that of [readSecret]; timeout bounds one attempt.
func newWebhook(to string, key []byte, timeout time.Duration) (*webhook, error) {
	u, err := url.Parse(to)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" {
		// The parser's own error would repeat what a URL may hold.
		return nil, usageError{errors.New("--post is not a URL like https://acd.example.com/presence")}
	}
	if ip := net.ParseIP(u.Hostname()); u.Scheme == "http" && u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, usageError{errors.New("--post must be https, except to this host: decisions name people by their id")}
	}
	if timeout <= 0 {
		return nil, usageError{fmt.Errorf("--post-timeout %s is no time to wait; 3s is usual", timeout)}
	}
	return &webhook{url: to, key: key, now: time.Now, client: &http.Client{
		Timeout: timeout,
		// A redirected POST loses its body or goes where nobody meant it to go.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// secretPrefix is the one of the specification.
const secretPrefix = "whsec_"

// readSecret reads the key from a file: whsec_ and 24 to 64 bytes in base64.
func readSecret(file string) ([]byte, error) {
	if file == "" {
		return nil, usageError{errors.New("--post needs --post-secret-file FILE: decisions are signed")}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read secret: %w", err)
	}
	encoded, ok := strings.CutPrefix(strings.TrimSpace(string(text)), secretPrefix)
	key, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil || len(key) < 24 || len(key) > 64 {
		return nil, fmt.Errorf(`secret in %s is not whsec_ and 24 to 64 bytes in base64; make one: printf 'whsec_%%s\n' "$(openssl rand -base64 32)"`, file)
	}
	return key, nil
}

// Send makes one attempt. The body is the event as it is published on NATS.
func (w *webhook) Send(ctx context.Context, e events.DecisionEvent) error {
	body, err := events.Encode(e)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(body))
	if err != nil {
		return errors.New("post decision: the URL cannot be used")
	}
	at := strconv.FormatInt(w.now().Unix(), 10)
	request.Header.Set("Content-Type", events.ContentType)
	request.Header.Set("webhook-id", e.ID)
	request.Header.Set("webhook-timestamp", at)
	request.Header.Set("webhook-signature", "v1,"+sign(w.key, e.ID, at, body))
	response, err := w.client.Do(request)
	if err != nil {
		return fmt.Errorf("post decision: %w", withoutURL(err))
	}
	defer response.Body.Close()
	// The connection can be used again only if the body was read.
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 64<<10))
	return judgeStatus(response.StatusCode)
}

// sign is base64(HMAC-SHA256(key, id.timestamp.body)).
func sign(key []byte, id, at string, body []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + at + "."))
	mac.Write(body)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// judgeStatus: some answers are about this one decision, and another attempt
// would get the same. All others are about the receiver and may pass, also those
// that look final (401, 404): a wrong secret or path is mended, and what was
// decided meanwhile must not be lost.
func judgeStatus(status int) error {
	switch {
	case status >= 200 && status < 300:
		return nil
	case status == http.StatusBadRequest, status == http.StatusConflict, status == http.StatusUnprocessableEntity:
		return fmt.Errorf("post decision: status %d: %w", status, errRefused)
	}
	return fmt.Errorf("post decision: status %d", status)
}

// withoutURL drops the URL from a client's error: it may hold a token.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}
