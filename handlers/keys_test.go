package handlers

import (
	"context"
	"strings"
	"testing"
	"time"
)

// someKeys are those of a service that makes one more with each rotation, up to two.
type someKeys []Key

func oneKey() someKeys {
	return someKeys{{ID: "old", Thumbprint: "AB", Current: true, CreatedAt: sixOClock}}
}

func (k *someKeys) List() []Key { return *k }

func (k *someKeys) Rotate(context.Context) (string, error) {
	if len(*k) == 2 {
		return "there are 2 keys already", nil
	}
	(*k)[0].Current, (*k)[0].RetiredAt = false, sixOClock.Add(time.Minute)
	*k = append(someKeys{{ID: "new", Current: true, CreatedAt: sixOClock}}, *k...)
	return "", nil
}

func TestKeys(t *testing.T) {
	server := someOffice().serve(t, "", FeedOptions{})
	for _, c := range []struct {
		method, path string
		status       int
		want         string
	}{
		{"GET", "/api/v1/keys", 200, `{"keys":[{"id":"old","thumbprint":"AB","current":true,"createdAt":"2026-11-23T18:00:00Z"}]}`},
		{"POST", "/api/v1/keys/rotate", 200, `"keys":[{"id":"new","thumbprint":"","current":true,"createdAt":"2026-11-23T18:00:00Z"},{"id":"old","thumbprint":"AB","current":false,`},
		{"POST", "/api/v1/keys/rotate", 409, `"detail":"there are 2 keys already"`},
		{"GET", "/api/v1/keys/rotate", 405, `"status":405`},
	} {
		if res, text := ask(t, server, c.method, c.path); res.StatusCode != c.status || !strings.Contains(text, c.want) {
			t.Errorf("%s %s: %d %s; want %d %s", c.method, c.path, res.StatusCode, text, c.status, c.want)
		}
	}
}
