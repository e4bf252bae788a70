package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/go-json-experiment/json"

	"jtel.de/presencebridge/internal/config"
)

// operators asks the operators' side of a running service.
type operators struct {
	address, token string
	otherwise      string // what to do when no service answers
	http           *http.Client
}

// newOperators finds it where the configuration says that it listens.
func newOperators(l config.Listen, otherwise string) (*operators, error) {
	host, port, err := net.SplitHostPort(l.Admin)
	if err != nil {
		return nil, fmt.Errorf("listen.admin: %w", err)
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "127.0.0.1" // it listens everywhere
	}
	// No proxy: what is asked for is this service, and the token is for it alone.
	o := &operators{
		address: net.JoinHostPort(host, port), otherwise: otherwise,
		http: &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second},
	}
	if l.AdminToken.IsSet() {
		if o.token, err = l.AdminToken.Read(); err != nil {
			return nil, fmt.Errorf("read listen.admin_token_file: %w", err)
		}
	}
	return o, nil
}

// request is one without a body.
func (o *operators) request(ctx context.Context, method, path string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+o.address+path, nil)
	if err != nil {
		return nil, fmt.Errorf("listen.admin %s: %w", o.address, err)
	}
	if o.token != "" {
		req.Header.Set("Authorization", "Bearer "+o.token)
	}
	return req, nil
}

// call sends a request without a body and reads the JSON that is answered.
func (o *operators) call(ctx context.Context, method, path string, answer any) error {
	req, err := o.request(ctx, method, path)
	if err != nil {
		return err
	}
	res, err := o.http.Do(req)
	if err := o.refused(res, err); err != nil {
		return err
	}
	defer res.Body.Close()
	if err := json.UnmarshalRead(http.MaxBytesReader(nil, res.Body, 64<<20), answer); err != nil {
		return fmt.Errorf("read the answer of %s: %w", o.address, err)
	}
	return nil
}

// refused is why there is no answer to read; it closes one that is none.
func (o *operators) refused(res *http.Response, err error) error {
	if errors.Is(err, context.Canceled) {
		return errors.New("interrupted")
	}
	if err != nil {
		return fmt.Errorf("no service answers: %w; %s", err, o.otherwise)
	}
	if res.StatusCode < http.StatusBadRequest {
		return nil
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusUnauthorized {
		return fmt.Errorf("the service at %s does not accept the token of listen.admin_token_file", o.address)
	}
	var problem struct {
		Detail string `json:"detail"`
	}
	if err := json.UnmarshalRead(http.MaxBytesReader(nil, res.Body, 1<<20), &problem); err == nil && problem.Detail != "" {
		return errors.New(problem.Detail)
	}
	return fmt.Errorf("the service at %s answered %s", o.address, res.Status)
}
