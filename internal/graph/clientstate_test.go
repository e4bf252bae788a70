package graph

import (
	"bytes"
	"strings"
	"testing"
)

func TestClientState(t *testing.T) {
	const tenant = "84bd8158-6d4d-4958-8b9f-9d6445542f95"
	ours := NewClientStates(bytes.Repeat([]byte{1}, 32))
	theirs := NewClientStates(bytes.Repeat([]byte{2}, 32))
	slot := AccountKey(tenant, "svc-presence-1@contoso.com")
	state := ours.Issue(tenant, slot)

	if len(state) > 128 {
		t.Errorf("client state has %d characters, Graph takes 128", len(state))
	}
	if got, ok := ours.Slot(strings.ToUpper(tenant), state); !ok || got != slot {
		t.Errorf("Slot = %q, %v", got, ok)
	}
	for name, forged := range map[string]string{
		"empty":              "",
		"other secret":       theirs.Issue(tenant, slot),
		"other slot":         "0000" + state[4:],
		"no mac":             slot + ".",
		"no dot":             slot,
		"longer":             state + "A",
		"too long":           slot + "." + strings.Repeat("A", 4096),
		"bits after the end": state[:len(state)-1] + "_",
	} {
		if got, ok := ours.Slot(tenant, forged); ok {
			t.Errorf("%s: accepted as slot %q", name, got)
		}
	}
	if _, ok := ours.Slot("11111111-1111-1111-1111-111111111111", state); ok {
		t.Error("accepted for another tenant")
	}
}

func TestAccountKey(t *testing.T) {
	a := AccountKey("84BD8158-6d4d-4958-8b9f-9d6445542f95", "Svc@Contoso.com")
	if b := AccountKey("84bd8158-6d4d-4958-8b9f-9d6445542f95", "svc@contoso.com"); a != b || len(a) != 16 {
		t.Errorf("keys %q and %q", a, b)
	}
	if c := AccountKey("84bd8158-6d4d-4958-8b9f-9d6445542f95", "svc2@contoso.com"); a == c {
		t.Error("two accounts share a key")
	}
}
