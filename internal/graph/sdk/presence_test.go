package sdk

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"jtel.de/presencebridge/internal/graph"
)

func TestPresences(t *testing.T) {
	g := answer(t, 200, `{ "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#Collection(microsoft.graph.presence)",
  "value": [
    { "id": "00000001-1111-2222-3333-44444444444A", "availability": "Busy", "activity": "InAMeeting", "outOfOfficeSettings": { "message": null, "isOutOfOffice": false } },
    { "id": "b", "availability": "somethingNew", "activity": "inAConferenceCall", "sequenceNumber": "A0129311063", "outOfOfficeSettings": null,
      "statusMessage": {"message": {"content": "Back at two", "contentType": "text"}, "publishedDateTime": "2026-11-23T10:00:00.1234567Z", "expiryDateTime": {"dateTime": "2026-11-23T14:00:00.0000000", "timeZone": "UTC"}},
      "workLocation": {"placeId": null, "source": "brandNew", "workLocationType": "remote"}, "futureMember": {"a": 1} },
    { "id": "c", "availability": null, "activity": null, "workLocation": {"workLocationType": "onTheMoon"}, "statusMessage": {"message": null, "publishedDateTime": null} },
    { "availability": "Away", "activity": "Away" }, null ] }`)
	got, err := g.client(t).Presences(t.Context(), []string{agent(1), agent(2)})
	if err != nil {
		t.Fatal(err)
	}
	want := []graph.Presence{
		{UserID: "00000001-1111-2222-3333-44444444444a", Availability: "Busy", Activity: "InAMeeting", OutOfOffice: pointer(false)},
		{UserID: "b", Availability: "somethingNew", Activity: "inAConferenceCall", SequenceNumber: "A0129311063",
			StatusMessage: pointer("Back at two"), WorkLocation: pointer("remote")},
		{UserID: "c", WorkLocation: pointer("onTheMoon")}, // an open string, as sent
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	r := g.seen()[0]
	if r.Method+r.URL.Path != "POST/v1.0/communications/getPresencesByUserId" || r.body != `{"ids":["`+agent(1)+`","`+agent(2)+`"]}` {
		t.Errorf("%s %s %s", r.Method, r.URL, r.body)
	}
}

func TestPresencesLimits(t *testing.T) {
	g := answer(t, 200, `{"value":[]}`)
	c := g.client(t)
	if got, err := c.Presences(t.Context(), nil); err != nil || got != nil || len(g.seen()) != 0 {
		t.Errorf("%v, %v after %d requests", got, err, len(g.seen()))
	}
	if _, err := c.Presences(t.Context(), agents(graph.MaxPeople)); err != nil || len(g.seen()) != 1 {
		t.Errorf("%v after %d requests", err, len(g.seen()))
	}
	if _, err := c.Presences(t.Context(), agents(graph.MaxPeople+1)); err == nil || len(g.seen()) != 1 {
		t.Errorf("%v after %d requests", err, len(g.seen()))
	}
}

func TestUselessPresences(t *testing.T) {
	for _, body := range []string{``, `null`, `<html>`, `{"value":`, `[]`, `{}`, `{"value":null}`} {
		if _, err := answer(t, 200, body).client(t).Presences(t.Context(), []string{agent(1)}); err == nil {
			t.Errorf("took %q", body)
		}
	}
}

func everybody() (ids []string, body string) {
	ids = agents(graph.MaxPeople)
	var items []string
	for _, id := range ids {
		items = append(items, fmt.Sprintf(`{"id":%q,"availability":"Busy","activity":"InACall","outOfOfficeSettings":{"message":null,"isOutOfOffice":false},"sequenceNumber":"A0129311063"}`, id))
	}
	return ids, `{"value":[` + strings.Join(items, ",") + `]}`
}

// BenchmarkPresences is one read of a full subscription over TLS on loopback,
// the server's work included.
func BenchmarkPresences(b *testing.B) {
	ids, body := everybody()
	g := newGraph(b, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) })
	c := g.client(b)
	b.ReportAllocs()
	for b.Loop() {
		if got, err := c.Presences(b.Context(), ids); err != nil || len(got) != len(ids) {
			b.Fatal(len(got), err)
		}
	}
}

// BenchmarkDecodePresences is the decoding of its answer alone.
func BenchmarkDecodePresences(b *testing.B) {
	ids, body := everybody()
	b.ReportAllocs()
	for b.Loop() {
		var p page[presence]
		if err := decodeInto(&p, []byte(body)); err != nil || len(p.Value) != len(ids) {
			b.Fatal(len(p.Value), err)
		}
	}
}

func FuzzPresences(f *testing.F) {
	f.Add([]byte(`{"value":[{"id":"A","availability":"Busy","activity":"InACall","outOfOfficeSettings":{"isOutOfOffice":true}}]}`))
	f.Add([]byte(`{"value":[null,{"statusMessage":null,"workLocation":{"workLocationType":null}}],"@odata.nextLink":"x"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var p page[presence]
		if decodeInto(&p, body) != nil {
			return
		}
		for _, m := range p.Value {
			if got := m.ours(); got.UserID != strings.ToLower(m.ID) || got.Availability != m.Availability {
				t.Errorf("%+v became %+v", m, got)
			}
		}
	})
}
