package notification

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"value":[{"tenantId":1},{"clientState":"x","encryptedContent":{"data":"AA=="}}],"validationTokens":[null,"a"]}`))
	f.Add(body(f, nil, basic(), lifecycle()))
	f.Add(body(f, []string{"t"}, rich(f, "good")))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Decode(text)
		if err != nil && (!errors.Is(err, ErrMalformed) || len(c.Items) != 0) {
			t.Errorf("error %v with %d items", err, len(c.Items))
		}
	})
}

func FuzzPresence(f *testing.F) {
	f.Add([]byte(`{"id":"` + user + `","availability":"Busy","activity":"InACall","outOfOfficeSettings":{"isOutOfOffice":true}}`))
	f.Add([]byte(`{"availability":"a","activity":"b","statusMessage":{"message":{"content":1}},"sequenceNumber":5}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := decodePresence(text)
		if err != nil {
			return
		}
		if p := r.presence(user); p.Availability == "" || p.Activity == "" {
			t.Errorf("a presence without state: %+v", p)
		}
	})
}

// FuzzOpen holds that every item is accounted for and that nothing is read
// for a tenant that is not ours.
func FuzzOpen(f *testing.F) {
	o := warmOpener(f)
	token := []string{testToken(f, "v2")}
	f.Add(body(f, token, rich(f, "good"), basic(), lifecycle()))
	f.Add(body(f, nil, rich(f, "good"), basic().with("resourceData", m{"availability": "a", "activity": "b"})))
	f.Add(body(f, []string{testToken(f, "unknown_kid"), "x"}, rich(f, "wrong_signature"), basic().with("tenantId", 5)))
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := o.Open(context.Background(), text)
		if err != nil {
			return
		}
		n := len(b.Readings) + len(b.Unread) + len(b.Lifecycle) + b.Undecided
		for _, k := range b.Refused {
			n += k
		}
		if n != b.Items {
			t.Errorf("%d of %d items accounted for", n, b.Items)
		}
		for _, r := range b.Readings {
			if r.TenantID != tenant || !isGUID(r.Presence.UserID) {
				t.Errorf("reading %+v", r)
			}
		}
	})
}

// FuzzToken holds that no text but the ones that were signed is believed.
func FuzzToken(f *testing.F) {
	tokens := warmOpener(f).Tokens
	// The last letter of a signature has bits that mean nothing.
	signed := func(raw string) string { return raw[:max(strings.LastIndexByte(raw, '.'), 0)] }
	good := map[string]bool{signed(testToken(f, "v1")): true, signed(testToken(f, "v2")): true}
	for _, row := range rows(f, "tokens.tsv") {
		f.Add(row[0])
	}
	f.Add("a.b.c")
	f.Add("eyJhbGciOiJSUzI1NiJ9.e30.")
	f.Fuzz(func(t *testing.T, raw string) {
		v := tokens.verify(context.Background(), raw, tenants)
		if v.good() && !good[signed(raw)] {
			t.Errorf("believed: %q", raw)
		}
	})
}

// documents answers every request with one text.
type documents string

func (d documents) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Status: "200 OK", Request: r, Header: http.Header{},
		Body: io.NopCloser(strings.NewReader(string(d)))}, nil
}

// FuzzKeys holds that documents of the authority give usable keys or an error,
// and that keys come from its own host only.
func FuzzKeys(f *testing.F) {
	const host = "login.example.com"
	f.Add(`{"issuer":"https://` + host + `/{tenantid}/v2.0","jwks_uri":"https://` + host + `/keys","keys":[{"kty":"RSA","use":"sig","kid":"a","n":"AQAB","e":"AQAB"}]}`)
	f.Add(`{"issuer":"{tenantid}","jwks_uri":"https://elsewhere/keys","keys":[{"kid":1},null,{"kty":"EC","crv":"P-256","x":"","y":""}]}`)
	n := base64.RawURLEncoding.EncodeToString(testKey(f, "signing").N.Bytes())
	f.Add(`{"issuer":"https://` + host + `/{tenantid}","jwks_uri":"https://` + host + `","keys":[{"kty":"RSA","kid":"a","n":"` + n + `","e":"AQAB","x5c":["x"]}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		s := keySet{document: "https://" + host + "/config", authority: host, client: &http.Client{Transport: documents(text)}}
		keys, issuer, err := s.fetch(context.Background())
		if err != nil {
			if len(keys) != 0 || issuer != "" {
				t.Errorf("%d keys of %q in spite of %v", len(keys), issuer, err)
			}
			return
		}
		if len(keys) == 0 || !strings.Contains(issuer, tenantHere) {
			t.Errorf("%d keys of %q", len(keys), issuer)
		}
		for id, key := range keys {
			if id == "" || key.N.BitLen() < minSigningKey || key.E < 2 {
				t.Errorf("key %q: %d bits, exponent %d", id, key.N.BitLen(), key.E)
			}
		}
	})
}

// FuzzEnvelope holds that content is opened only as Graph sealed it.
func FuzzEnvelope(f *testing.F) {
	key := testKey(f, "encryption")
	genuine := envelope(f, "good")
	for name := range rows(f, "contents.tsv") {
		e := envelope(f, name)
		f.Add(e.Data, e.Signature, e.Key)
	}
	f.Fuzz(func(t *testing.T, data, signature, wrapped []byte) {
		e := Envelope{Data: bytes.Clone(data), Signature: signature, Key: wrapped}
		_, err := e.Open(key, DecryptOAEP)
		if err != nil && !errors.Is(err, errContent) {
			t.Errorf("another error tells more: %v", err)
		}
		if err == nil && bytes.Equal(wrapped, genuine.Key) && !bytes.Equal(data, genuine.Data) {
			t.Error("changed content was opened")
		}
	})
}

// FuzzPresenceUser holds that whatever names a person names a directory id.
func FuzzPresenceUser(f *testing.F) {
	f.Add("communications/presences('" + user + "')")
	f.Add("/users/" + strings.ToUpper(user) + "/presence")
	f.Add("users('')/presence")
	f.Fuzz(func(t *testing.T, path string) {
		id, is := presenceUser(path)
		if id != "" && (!is || !isGUID(id) || id != strings.ToLower(id)) {
			t.Errorf("%q names %q, presence %v", path, id, is)
		}
	})
}
