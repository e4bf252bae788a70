package handlers

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// someKeys is a service with one key more after each rotation, up to two.
type someKeys []Key

func (k *someKeys) List() []Key { return *k }

func (k *someKeys) Rotate(context.Context) (string, error) {
	if len(*k) == 2 {
		return "there are 2 keys already", nil
	}
	*k = append(someKeys{{ID: "new", Current: true, CreatedAt: time.Unix(7, 0).UTC()}}, *k...)
	return "", nil
}

func TestKeys(t *testing.T) {
	keys := someKeys{{ID: "old", Thumbprint: "AB", Current: true, CreatedAt: time.Unix(0, 0).UTC()}}
	e := NewAdmin(AdminOptions{})
	AddKeys(e, &keys)
	server := httptest.NewServer(e)
	defer server.Close()
	const old = `{"id":"old","thumbprint":"AB","current":true,"createdAt":"1970-01-01T00:00:00Z"}`
	for _, c := range []struct {
		method, path, origin string
		status               int
		want                 string
	}{
		{"GET", "/api/v1/keys", "", 200, `{"keys":[` + old + `]}`},
		{"POST", "/api/v1/keys/rotate", "https://elsewhere.example.com", 403, `"detail":"a page of another origin may not ask for this"`},
		{"POST", "/api/v1/keys/rotate", "", 200, `"keys":[{"id":"new","thumbprint":"","current":true,"createdAt":"1970-01-01T00:00:07Z"},` + old + `],"note":"subscriptions are renewed`},
		{"POST", "/api/v1/keys/rotate", "", 409, `"detail":"there are 2 keys already"`},
		{"GET", "/api/v1/keys/rotate", "", 405, `"status":405`},
	} {
		req, err := http.NewRequestWithContext(t.Context(), c.method, server.URL+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.origin != "" {
			req.Header.Set("Origin", c.origin)
		}
		res, err := server.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != c.status || !strings.Contains(string(text), c.want) {
			t.Errorf("%s %s: %d %s, %v; want %d %s", c.method, c.path, res.StatusCode, text, err, c.status, c.want)
		}
	}
}
