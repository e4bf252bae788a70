package graphsim_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"jtel.de/presencebridge/internal/graphsim"
)

// defect judges a forged batch by the contract alone and names the first thing wrong.
func (b *bench) defect(body []byte) string {
	var c struct {
		Value []struct {
			SubscriptionID, ClientState, TenantID, Resource string
			EncryptedContent                                *struct {
				Data, DataSignature, DataKey []byte
				EncryptionCertificateID      string
			}
		}
		ValidationTokens *[]string
	}
	if json.Unmarshal(body, &c) != nil {
		return "body"
	}
	if c.ValidationTokens == nil || len(*c.ValidationTokens) == 0 {
		return "no tokens"
	}
	tenant := b.Tenant()
	for _, text := range *c.ValidationTokens {
		claims := jwt.MapClaims{}
		if _, err := jwt.ParseWithClaims(text, claims, b.keyfunc(), jwt.WithValidMethods([]string{"RS256"}), jwt.WithAudience(tenant.App.ID), jwt.WithIssuer("https://login.microsoftonline.com/"+tenant.ID+"/v2.0")); err != nil {
			return "token: " + err.Error()
		}
		if claims["azp"] != "0bf30f3b-4a52-48df-9a82-234910c4a086" {
			return "publisher"
		}
		if claims["tid"] != tenant.ID {
			return "tid"
		}
	}
	for _, v := range c.Value {
		e := v.EncryptedContent
		switch {
		case v.SubscriptionID != b.Subscriptions()[0].ID:
			return "subscription"
		case v.ClientState != "state-1":
			return "client state"
		case v.TenantID != tenant.ID:
			return "tenant"
		case e == nil:
			return "no content"
		case e.EncryptionCertificateID != "enc-1":
			return "certificate id"
		}
		key, err := rsa.DecryptOAEP(sha1.New(), nil, b.recv.key, e.DataKey, nil)
		if err != nil {
			return "key"
		}
		mac := hmac.New(sha256.New, key)
		mac.Write(e.Data)
		if !hmac.Equal(mac.Sum(nil), e.DataSignature) {
			return "signature"
		}
		if len(key) != 32 {
			return "key length"
		}
		plain := make([]byte, len(e.Data))
		block := must(aes.NewCipher(key))
		cipher.NewCBCDecrypter(block, key[:16]).CryptBlocks(plain, e.Data)
		pad := int(plain[len(plain)-1])
		if pad < 1 || pad > 16 {
			return "padding"
		}
		var p struct{ ID string }
		if json.Unmarshal(plain[:len(plain)-pad], &p) != nil {
			return "plaintext"
		}
		if !strings.Contains(v.Resource, p.ID) {
			return "person"
		}
	}
	return ""
}

func TestForge(t *testing.T) {
	b := start(t, graphsim.Options{})
	user := b.Tenant().Users[0].ID
	if _, err := b.Forge("genuine"); err == nil {
		t.Error("forged without a subscription")
	}
	b.subscribe(0)
	want := map[string]string{
		"genuine": "", "wrong-client-state": "client state", "missing-client-state": "client state", "unknown-subscription": "subscription", "foreign-tenant": "tenant",
		"wrong-audience": "audience", "wrong-publisher": "publisher", "wrong-issuer": "issuer", "wrong-tenant": "issuer", "expired-token": "expired", "future-token": "not valid yet",
		"alg-none": "signing method", "hs256": "signing method", "unknown-kid": "unverifiable", "wrong-token-signature": "signature is invalid",
		"null-tokens": "no tokens", "empty-tokens": "no tokens", "missing-tokens": "no tokens", "garbage-token": "token",
		"wrong-signature": "signature", "changed-data": "signature", "truncated": "signature", "empty-data": "signature", "wrong-certificate-id": "certificate id", "no-content": "no content",
		"wrong-key": "key", "oaep-sha256": "key", "short-key": "key length", "bad-padding": "padding", "not-json-inside": "plaintext", "other-person-inside": "person", "truncated-body": "body",
	}
	for _, kind := range graphsim.ForgeKinds() {
		body, err := b.Forge(kind, user)
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		w, known := want[kind]
		if got := b.defect(body); !known || !strings.Contains(got, w) || w == "" && got != "" {
			t.Errorf("%s: found %q, want %q", kind, got, w)
		}
		delete(want, kind)
	}
	if len(want) > 0 {
		t.Errorf("not forged: %v", want)
	}
	if _, err := b.Forge("nonsense"); err == nil {
		t.Error("unknown kind")
	}
	if _, err := b.Forge("genuine", guids(1)[0]); err == nil {
		t.Error("nobody's subscription")
	}
	status, err := b.Post(t.Context(), must(b.Forge("genuine", user)))
	if got := b.recv.items(); err != nil || status != 202 || len(got) != 1 || got[0].Plain["activity"] != "UrgentInterruptionsOnly" {
		t.Errorf("post: %d %v", status, err)
	}
	if !slices.IsSorted(graphsim.ForgeKinds()) {
		t.Error("kinds are not sorted")
	}
}

// A basic subscription has no content to spoil; forging must not fail for it.
func TestForgeBasic(t *testing.T) {
	b := start(t, graphsim.Options{})
	body := with(b.rich(), "includeResourceData", nil, "encryptionCertificate", nil, "encryptionCertificateId", nil)
	if a := b.graph(b.userToken(0), "POST", "/subscriptions", body); a.status != 201 {
		t.Fatal(a.raw)
	}
	for _, kind := range graphsim.ForgeKinds() {
		if _, err := b.Forge(kind); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
}
