package events

import (
	"fmt"
	"regexp"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// What is written by hand is what the library would write, errors included.
func TestUserJSONIsTheLibrarys(t *testing.T) {
	text := rapid.OneOf(rapid.Just(""), rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }))
	optional := rapid.Ptr(text, true)
	when := rapid.Map(rapid.Int64Range(-1<<36, 1<<36), func(ms int64) time.Time { return time.UnixMilli(ms).In(time.FixedZone("", 3600)) })
	rapid.Check(t, func(t *rapid.T) {
		e := UserEvent{ID: text.Draw(t, "id"), Time: when.Draw(t, "time"), Data: UserData{
			TenantID: text.Draw(t, "tenant id"), Tenant: text.Draw(t, "tenant"),
			User: User{ID: text.Draw(t, "user"), UserPrincipalName: text.Draw(t, "upn"), Mail: text.Draw(t, "mail"),
				DisplayName: text.Draw(t, "name"), Phones: rapid.SliceOfN(text, 0, 3).Draw(t, "phones")},
			Availability: text.Draw(t, "availability"), Activity: text.Draw(t, "activity"),
			OutOfOffice:   rapid.Ptr(rapid.Bool(), true).Draw(t, "out of office"),
			StatusMessage: optional.Draw(t, "message"), WorkLocation: optional.Draw(t, "location"),
			SequenceNumber: text.Draw(t, "sequence"), Origin: text.Draw(t, "origin"), Freshness: text.Draw(t, "freshness"),
			ObservedAt: when.Draw(t, "observed"), PublishedAt: when.Draw(t, "published"),
		}}
		if rapid.Bool().Draw(t, "changed") {
			e.Data.Previous = &Previous{text.Draw(t, "was"), text.Draw(t, "did"), when.Draw(t, "since")}
		}
		to := route{source: text.Draw(t, "source"), about: text.Draw(t, "about")}
		got, err := encodeUser(&e, to)
		want, wantErr := encodeAny(e, to)
		if (err == nil) != (wantErr == nil) || wantErr == nil && string(got) != string(want) {
			t.Fatalf("by hand %s, %v\nlibrary %s, %v", got, err, want, wantErr)
		}
	})
}

func TestIsTraceparent(t *testing.T) {
	form := regexp.MustCompile(`^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`)
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`[0-9a-g]{2}-?[0-9a-f]{31}[0-9a-fA]-[0-9a-f]{16}-[0-9a-f]{2}-?`).Draw(t, "header")
		if isTraceparent(s) != form.MatchString(s) {
			t.Fatalf("%q", s)
		}
	})
}

func BenchmarkEncodeUser(b *testing.B) {
	at := time.Date(2026, 11, 23, 18, 0, 0, 1e6, time.UTC)
	e := UserEvent{ID: "AAAAAAAAAAAAAAAAAAAAAAAA", Data: UserData{
		TenantID: "84bd8158-6d4d-4958-8b9f-9d6445542f95", Tenant: "contoso",
		User: User{ID: "b36a4df4-9d72-4b1e-a7f6-97c6e9a6f0a1", UserPrincipalName: "agent1@contoso.com", Mail: "agent.one@contoso.com",
			DisplayName: "Agent One", Phones: []string{"+4989123456"}},
		Availability: "Busy", Activity: "InACall", SequenceNumber: "A0129311063",
		Previous: &Previous{"Available", "Available", at}, Origin: OriginNotification, ObservedAt: at, PublishedAt: at, Freshness: Fresh,
	}}
	to, err := check(&e)
	if err != nil {
		b.Fatal(err)
	}
	for name, encode := range map[string]func() ([]byte, error){
		"hand":    func() ([]byte, error) { return encodeUser(&e, to) },
		"library": func() ([]byte, error) { return encodeAny(e, to) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := encode(); err != nil {
					b.Fatal(fmt.Errorf("%s: %w", name, err))
				}
			}
		})
	}
}
