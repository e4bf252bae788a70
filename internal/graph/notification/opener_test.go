package notification

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"jtel.de/presencebridge/internal/graph"
)

func TestOpenRich(t *testing.T) {
	for name, item := range map[string]m{
		"v2048": rich(t, "good"),
		"v4096": func() m {
			r := rich(t, "good_4096")
			r["encryptedContent"] = r["encryptedContent"].(m).with("encryptionCertificateId", certID4)
			return r
		}(),
		"id only inside": rich(t, "good").with("resource", "").with("resourceData", m{"@odata.type": "#microsoft.graph.presence"}),
	} {
		for _, token := range []string{"v1", "v2"} {
			t.Run(name+" "+token, func(t *testing.T) {
				b := open(t, warmOpener(t), body(t, []string{testToken(t, token)}, item))
				if len(b.Readings) != 1 {
					t.Fatalf("batch %+v", b)
				}
				key := b.Readings[0].NotificationKey
				want := graph.Reading{TenantID: tenant, Origin: graph.OriginNotification, ObservedAt: at, NotificationKey: key,
					Presence: graph.Presence{UserID: user, Availability: "Busy", Activity: "InAMeeting"}}
				if diff := cmp.Diff(want, b.Readings[0]); diff != "" || len(key) != 32 {
					t.Errorf("key %q, -want +got\n%s", key, diff)
				}
			})
		}
	}
}

// Every reason that an item can be refused for, with the item after it accepted.
func TestOpenRefuses(t *testing.T) {
	envelope := func(key string, v any) m {
		r := rich(t, "good")
		r["encryptedContent"] = r["encryptedContent"].(m).with(key, v)
		return r
	}
	good := []string{"v2"}
	for _, c := range []struct {
		name   string
		item   m
		tokens []string
		want   Reason
	}{
		{"wrong type", basic().with("tenantId", 5), nil, ReasonMalformedItem},
		{"foreign tenant", basic().with("tenantId", other), nil, ReasonUnknownTenant},
		{"no tenant", basic().with("tenantId", nil), nil, ReasonUnknownTenant},
		{"no client state", basic().with("clientState", nil), nil, ReasonClientState},
		{"forged client state", basic().with("clientState", slot+".AAAA"), nil, ReasonClientState},
		{"client state of another tenant", basic().with("clientState", states.Issue(other, slot)), nil, ReasonClientState},
		{"lifecycle with forged client state", lifecycle().with("clientState", "x"), nil, ReasonClientState},
		{"other resource", basic().with("resource", "users/"+user+"/messages/1").with("resourceData", nil), nil, ReasonOtherResource},
		{"neither resource nor data", basic().with("resource", nil).with("resourceData", nil), nil, ReasonOtherResource},
		{"other change", basic().with("changeType", "deleted"), nil, ReasonOtherChange},
		{"nobody", basic().with("resource", "communications/presences/me").with("resourceData", nil), nil, ReasonNoUser},
		{"nobody with values", basic().with("resource", "communications/presences").
			with("resourceData", m{"availability": "Busy", "activity": "Busy"}), nil, ReasonNoUser},
		{"ids differ", basic().with("resource", "communications/presences/"+other), nil, ReasonIDMismatch},
		{"content of somebody else", rich(t, "somebody_else"), good, ReasonIDMismatch},
		{"no token", rich(t, "good"), nil, ReasonTokenMissing},
		{"empty token", rich(t, "good"), []string{""}, ReasonTokenMissing},
		{"garbage", rich(t, "good"), []string{"garbage"}, ReasonTokenMalformed},
		{"two dots", rich(t, "good"), []string{"a.b.c"}, ReasonTokenMalformed},
		{"huge token", rich(t, "good"), []string{strings.Repeat("a", maxTokenBytes+1)}, ReasonTokenMalformed},
		{"no kid", rich(t, "good"), []string{"no_kid"}, ReasonTokenMalformed},
		{"critical extension", rich(t, "good"), []string{"critical"}, ReasonTokenMalformed},
		{"alg none", rich(t, "good"), []string{"alg_none"}, ReasonTokenAlgorithm},
		{"HS256 under the public key", rich(t, "good"), []string{"hs256_public_key"}, ReasonTokenAlgorithm},
		{"PS256", rich(t, "good"), []string{"ps256"}, ReasonTokenAlgorithm},
		{"version", rich(t, "good"), []string{"version_3"}, ReasonTokenVersion},
		{"issuer of the other version", rich(t, "good"), []string{"v1_issuer_in_v2"}, ReasonTokenIssuer},
		{"publisher v2", rich(t, "good"), []string{"wrong_azp"}, ReasonTokenPublisher},
		{"publisher v1", rich(t, "good"), []string{"wrong_appid"}, ReasonTokenPublisher},
		{"expired", rich(t, "good"), []string{"expired"}, ReasonTokenExpired},
		{"token of another tenant", rich(t, "good"), []string{"other_tenant"}, ReasonTokenTenant},
		{"audience", rich(t, "good"), []string{"wrong_aud"}, ReasonTokenAudience},
		{"audience as address", rich(t, "good"), []string{"api_aud"}, ReasonTokenAudience},
		{"signature", rich(t, "good"), []string{"wrong_key"}, ReasonTokenSignature},
		{"bad token with basic", basic(), []string{"wrong_key"}, ReasonTokenSignature},
		{"bad token with lifecycle", lifecycle(), []string{"wrong_azp"}, ReasonTokenPublisher},
		{"garbage with lifecycle", lifecycle(), []string{"garbage"}, ReasonTokenMalformed},
		{"unknown certificate", envelope("encryptionCertificateId", "old"), good, ReasonUnknownKey},
		{"other thumbprint", envelope("encryptionCertificateThumbprint", "00"), good, ReasonUnknownKey},
		{"no data key", envelope("dataKey", nil), good, ReasonContent},
		{"wrong signature", rich(t, "wrong_signature"), good, ReasonContent},
		{"not json", rich(t, "not_json"), good, ReasonMalformedPresence},
		{"no activity", rich(t, "no_activity"), good, ReasonMalformedPresence},
	} {
		t.Run(c.name, func(t *testing.T) {
			var tokens []string
			for _, name := range c.tokens {
				if row, ok := rows(t, "tokens.tsv")[name]; ok {
					name = row[0]
				}
				tokens = append(tokens, name)
			}
			b := open(t, warmOpener(t), body(t, tokens, c.item))
			if diff := cmp.Diff(map[Reason]int{c.want: 1}, b.Refused); diff != "" {
				t.Errorf("-want +got\n%s\nbatch %+v", diff, b)
			}
		})
	}
}

func TestOpenAcceptsTheRestOfABatch(t *testing.T) {
	b := open(t, warmOpener(t), body(t, []string{testToken(t, "wrong_aud"), testToken(t, "v2")},
		basic().with("clientState", "forged"),
		rich(t, "good"),
		lifecycle().with("lifecycleEvent", "REAUTHORIZATIONrequired"),
		basic(),
		rich(t, "wrong_signature"),
		lifecycle().with("lifecycleEvent", "somethingNew"),
		basic().with("resourceData", m{"availability": "AvailableIdle", "activity": "whatever", "sequenceNumber": "A0129311063",
			"outOfOfficeSettings": m{"isOutOfOffice": true}, "statusMessage": m{"message": m{"content": "hi"}},
			"workLocation": m{"workLocationType": "remote"}}),
	))
	if len(b.Readings) != 2 || len(b.Unread) != 1 || b.Refused[ReasonClientState] != 1 || b.Refused[ReasonContent] != 1 {
		t.Errorf("batch %+v", b)
	}
	want := []graph.Lifecycle{
		{TenantID: tenant, SubscriptionID: subID, Slot: slot, Event: "reauthorizationRequired"},
		{TenantID: tenant, SubscriptionID: subID, Slot: slot, Event: "somethingNew"},
	}
	if diff := cmp.Diff(want, b.Lifecycle); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	wantPresence := graph.Presence{UserID: user, Availability: "AvailableIdle", Activity: "whatever", SequenceNumber: "A0129311063",
		OutOfOffice: new(true), StatusMessage: new("hi"), WorkLocation: new("remote")}
	if diff := cmp.Diff(wantPresence, b.Readings[1].Presence); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// Tokens of other tenants say nothing about items that need none.
func TestOpenForeignTokenBesideBasic(t *testing.T) {
	b := open(t, warmOpener(t), body(t, []string{testToken(t, "other_tenant")}, basic(), lifecycle()))
	if len(b.Unread) != 1 || len(b.Lifecycle) != 1 {
		t.Errorf("batch %+v", b)
	}
}

func TestOpenUndecidedWhenTimeRunsOut(t *testing.T) {
	o := warmOpener(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b, err := o.Open(ctx, body(t, []string{testToken(t, "v2")}, rich(t, "good"), basic()))
	if err != nil || b.Undecided != 1 || len(b.Unread) != 1 || len(b.Refused) != 0 {
		t.Errorf("batch %+v, error %v", b, err)
	}
}

func TestOpenWaitsForASlot(t *testing.T) {
	o := warmOpener(t)
	for range cap(o.slots) {
		o.slots <- struct{}{}
	}
	done := make(chan Batch)
	go func() {
		b, _ := o.Open(t.Context(), body(t, []string{testToken(t, "v2")}, rich(t, "good")))
		done <- b
	}()
	select {
	case b := <-done:
		t.Fatalf("opened without a slot: %+v", b)
	default:
	}
	<-o.slots
	if b := <-done; len(b.Readings) != 1 {
		t.Errorf("batch %+v", b)
	}
}

func TestNotificationKey(t *testing.T) {
	o := warmOpener(t)
	key := func(item m) string {
		b := open(t, o, body(t, []string{testToken(t, "v2")}, item))
		if len(b.Readings) != 1 {
			t.Fatalf("batch %+v", b)
		}
		return b.Readings[0].NotificationKey
	}
	told := func(availability, sequence string) m {
		d := m{"availability": availability, "activity": "x"}
		if sequence != "" {
			d["sequenceNumber"] = sequence
		}
		return basic().with("resourceData", d)
	}
	elsewhere := func(i m) m { return i.with("resource", "communications/presences/"+other) }
	same := map[string][2]m{
		"rich again":                   {rich(t, "good"), rich(t, "good").with("subscriptionExpirationDateTime", "later")},
		"basic with an id again":       {told("Busy", "").with("id", "n1"), told("Busy", "").with("id", "n1")},
		"sequence in another text":     {told("Busy", "A1"), told("Busy", "A1").with("x", 1)},
		"tenant in another upper case": {told("Busy", "A1"), told("Busy", "A1").with("tenantId", strings.ToUpper(tenant))},
	}
	for name, pair := range same {
		if key(pair[0]) != key(pair[1]) {
			t.Errorf("%s: keys differ", name)
		}
	}
	for name, pair := range map[string][2]m{
		"basic, another id":             {told("Busy", "").with("id", "n1"), told("Busy", "").with("id", "n2")},
		"basic, another person":         {told("Busy", "").with("id", "n1"), elsewhere(told("Busy", "").with("id", "n1"))},
		"same sequence, another person": {told("Busy", "A1"), elsewhere(told("Busy", "A1"))},
		"another sequence":              {told("Busy", "A1"), told("Busy", "A2")},
	} {
		if key(pair[0]) == key(pair[1]) {
			t.Errorf("%s: keys are equal", name)
		}
	}
	if k := key(told("Busy", "")); k != "" {
		t.Errorf("a basic item without any mark has the key %s", k)
	}
	i := Item{}
	if i.key(tenant, user, "1") == i.key(other, user, "1") || i.key(tenant, user, "1") == i.key(tenant, other, "1") {
		t.Error("keys of different tenants or people are equal")
	}
}

// What strangers send is counted and not kept, however much it is.
func TestOpenKeepsNothingOfStrangers(t *testing.T) {
	op := opening{Opener: warmOpener(t)}
	junk := `{"value":[{}` + strings.Repeat(`,{"clientState":"x","tenantId":"`+tenant+`"}`, maxItems-1) + `]}`
	items, err := op.decode(t.Context(), []byte(junk))
	if err != nil || len(items) != 0 || cap(items) > 64 || op.Items != maxItems || op.Refused[ReasonClientState] != maxItems-1 {
		t.Errorf("%d items kept in room for %d, error %v, batch %+v", len(items), cap(items), err, op.Batch)
	}
	// An item of a wrong type at the end makes us begin again: nothing counts twice.
	op = opening{Opener: op.Opener}
	items, err = op.decode(t.Context(), body(t, nil, basic(), basic().with("clientState", "x"), basic().with("tenantId", 5)))
	want := map[Reason]int{ReasonClientState: 1, ReasonMalformedItem: 1}
	if diff := cmp.Diff(want, op.Refused); err != nil || len(items) != 1 || op.Items != 3 || diff != "" {
		t.Errorf("%d of %d items kept, error %v, -want +got\n%s", len(items), op.Items, err, diff)
	}
}

// A client state that was just checked vouches for no other tenant.
func TestOpenChecksEveryClientState(t *testing.T) {
	o := warmOpener(t)
	o.Tenants[other] = client
	b := open(t, o, body(t, nil, basic(), basic().with("tenantId", other), basic(), basic().with("clientState", "")))
	if len(b.Unread) != 2 || b.Refused[ReasonClientState] != 2 {
		t.Errorf("batch %+v", b)
	}
}

func TestOpenLargeBodiesTakeTurns(t *testing.T) {
	o := warmOpener(t)
	o.large <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	text := body(t, nil, basic().with("x", strings.Repeat("x", largeBody)))
	if _, err := o.Open(ctx, text); !errors.Is(err, context.Canceled) {
		t.Errorf("a large body out of turn: %v", err)
	}
	if b := open(t, o, body(t, nil, basic())); len(b.Unread) != 1 {
		t.Errorf("a small body had to wait: %+v", b)
	}
	<-o.large
	for range 2 {
		if b := open(t, o, text); len(b.Unread) != 1 || len(o.large) != 0 {
			t.Errorf("batch %+v, the turn is held: %v", b, len(o.large) != 0)
		}
	}
}
