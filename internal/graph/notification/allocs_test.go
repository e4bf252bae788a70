package notification

import "testing"

// What opening costs in allocations an item, those of crypto/rsa included.
func TestOpenAllocates(t *testing.T) {
	o := warmOpener(t)
	basics := make([]m, 50)
	for i := range basics {
		basics[i] = basic().with("resourceData", m{"availability": "Busy", "activity": "Busy", "sequenceNumber": "A1"})
	}
	for name, c := range map[string]struct {
		text []byte
		most float64
	}{
		"basic": {body(t, nil, basics...), 3}, "rich": {richBatch(t, 50), 34},
	} {
		count := testing.AllocsPerRun(3, func() {
			if b, err := o.Open(t.Context(), c.text); err != nil || len(b.Readings) != 50 {
				t.Fatal(b, err)
			}
		})
		if each := count / 50; each > c.most {
			t.Errorf("%s: %v allocations an item, want at most %v", name, each, c.most)
		}
	}
	raw := testToken(t, "v2")
	if n := testing.AllocsPerRun(100, func() { o.Tokens.verify(t.Context(), raw, tenants) }); n > 1 {
		t.Errorf("a token that is known costs %v allocations", n)
	}
}
