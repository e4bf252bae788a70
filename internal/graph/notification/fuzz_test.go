package notification

import (
	"context"
	"errors"
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
