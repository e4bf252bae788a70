package notification

import (
	"bytes"
	"crypto/rsa"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/internal/graph/libcrypto"
)

// everyDecrypt runs a test with each of the ways to decrypt.
func everyDecrypt(t *testing.T, test func(t *testing.T, decrypt DecryptFunc)) {
	l, err := libcrypto.Open()
	if err != nil {
		t.Fatal(err)
	}
	d := l.NewDecrypter(1)
	defer d.Close()
	t.Run("go", func(t *testing.T) { test(t, DecryptOAEP) })
	t.Run("libcrypto", func(t *testing.T) { test(t, d.Decrypt) })
}

func TestEnvelopeOpen(t *testing.T) {
	everyDecrypt(t, func(t *testing.T, decrypt DecryptFunc) {
		for name, key := range map[string]string{"good": "encryption", "good_4096": "encryption4096"} {
			plain, err := envelope(t, name).Open(testKey(t, key), decrypt)
			want := `{"@odata.id":"users/` + user + `/presence","@odata.type":"#microsoft.graph.presence","id":"` + user +
				`","availability":"Busy","activity":"InAMeeting"}`
			if err != nil || string(plain) != want {
				t.Errorf("%s: %q, %v", name, plain, err)
			}
		}
	})
}

func TestEnvelopeRefuses(t *testing.T) {
	everyDecrypt(t, func(t *testing.T, decrypt DecryptFunc) {
		key := testKey(t, "encryption")
		for _, name := range []string{
			"wrong_signature", "short_signature", "signed_base64", "padding_zero", "padding_seventeen", "padding_uneven",
			"truncated", "empty", "key_of_16_bytes", "key_of_33_bytes", "oaep_sha256", "other_key", "good_4096",
		} {
			plain, err := envelope(t, name).Open(key, decrypt)
			if err != errContent || plain != nil { //nolint:errorlint // it must be this very error, to tell nothing
				t.Errorf("%s: %q, %v", name, plain, err)
			}
		}
		for _, n := range []int{0, 1, len(envelope(t, "good").Key) - 1, len(envelope(t, "good").Key) + 1} {
			e := envelope(t, "good")
			e.Key = append(make([]byte, max(n-len(e.Key), 0)), e.Key[max(len(e.Key)-n, 0):]...)
			if _, err := e.Open(key, decrypt); !errors.Is(err, errContent) {
				t.Errorf("key of %d bytes: %v", n, err)
			}
		}
	})
}

// The symmetric key does not outlive the content.
func TestEnvelopeClearsTheKey(t *testing.T) {
	var key []byte
	decrypt := func(private *rsa.PrivateKey, ciphertext []byte) (_ []byte, err error) {
		key, err = DecryptOAEP(private, ciphertext)
		return key, err
	}
	for _, name := range []string{"good", "wrong_signature", "padding_zero", "key_of_33_bytes"} {
		_, _ = envelope(t, name).Open(testKey(t, "encryption"), decrypt)
		if len(key) == 0 || !bytes.Equal(key, make([]byte, len(key))) {
			t.Errorf("%s: key %x is left behind", name, key)
		}
	}
}

func TestEnvelopeChecksEveryBit(t *testing.T) {
	key := testKey(t, "encryption")
	for i := range envelope(t, "good").Data {
		e := envelope(t, "good")
		e.Data[i] ^= 1
		if _, err := e.Open(key, DecryptOAEP); !errors.Is(err, errContent) {
			t.Errorf("bit of byte %d: %v", i, err)
		}
	}
}

func TestDecodePresence(t *testing.T) {
	const base = `"availability":"busy","activity":"inACall"`
	want := graph.Presence{UserID: user, Availability: "busy", Activity: "inACall"}
	with := func(change func(*graph.Presence)) graph.Presence {
		p := want
		change(&p)
		return p
	}
	for name, c := range map[string]struct {
		text string
		want graph.Presence
	}{
		"least":         {`{` + base + `}`, want},
		"unknown":       {`{"@odata.context":"x","x":{"y":[1]},` + base + `}`, want},
		"nulls":         {`{"id":null,"statusMessage":null,"outOfOfficeSettings":null,"sequenceNumber":null,"workLocation":null,` + base + `}`, want},
		"wrong shapes":  {`{"statusMessage":5,"outOfOfficeSettings":"x","sequenceNumber":[{}],"workLocation":[1],` + base + `}`, want},
		"nested shapes": {`{"statusMessage":{"message":5},"outOfOfficeSettings":{"isOutOfOffice":"x"},"workLocation":{"workLocationType":{}},` + base + `}`, want},
		"not out":       {`{"outOfOfficeSettings":{"message":null,"isOutOfOffice":false},` + base + `}`, with(func(p *graph.Presence) { p.OutOfOffice = new(false) })},
		"message": {`{"statusMessage":{"message":{"content":"","contentType":"text"},"publishedDateTime":"x"},` + base + `}`,
			with(func(p *graph.Presence) { p.StatusMessage = new("") })},
		"sequence": {`{"sequenceNumber":"A01",` + base + `}`, with(func(p *graph.Presence) { p.SequenceNumber = "A01" })},
		"location": {`{"workLocation":{"placeId":null,"source":"manual","workLocationType":"office"},` + base + `}`,
			with(func(p *graph.Presence) { p.WorkLocation = new("office") })},
	} {
		r, err := decodePresence([]byte(c.text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(c.want, r.presence(user)); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
	for _, text := range []string{
		``, `null`, `[]`, `{}`, `{"availability":"x"}`, `{"availability":"x","activity":""}`, `{"availability":1,"activity":"x"}`,
		`{"availability":"x","activity":"y","activity":"z"}`, "{\"availability\":\"\xff\",\"activity\":\"y\"}", `{` + base + `}x`,
	} {
		if r, err := decodePresence([]byte(text)); !errors.Is(err, errPresence) {
			t.Errorf("%s: %+v, %v", text, r, err)
		}
	}
}
