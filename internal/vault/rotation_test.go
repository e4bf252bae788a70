package vault

import (
	"slices"
	"testing"
	"time"
)

func TestDue(t *testing.T) {
	now := time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)
	const day = 24 * time.Hour
	key := func(id string, made, retired time.Duration) EncryptionKey {
		k := EncryptionKey{ID: id, Created: now.Add(-made)}
		if retired > 0 {
			k.Retired = now.Add(-retired)
		}
		return k
	}
	for _, tt := range []struct {
		name     string
		keys     []EncryptionKey
		referred time.Duration // ago, to every key
		rotate   bool
		forget   []string
	}{
		{"a new key", []EncryptionKey{key("a", time.Minute, 0)}, 0, false, nil},
		{"a key of the future, since clocks differ", []EncryptionKey{key("a", -time.Hour, 0)}, 0, false, nil},
		{"almost a year", []EncryptionKey{key("a", 365*day-time.Second, 0)}, 0, false, nil},
		{"a year", []EncryptionKey{key("a", 365*day, 0)}, 0, true, nil},
		{"the current key is never forgotten", []EncryptionKey{key("a", 400*day, 0)}, 400 * day, true, nil},
		{"just retired", []EncryptionKey{key("b", time.Hour, 0), key("a", 365*day, time.Hour)}, 10 * day, false, nil},
		{"a subscription refers to it", []EncryptionKey{key("b", 9*day, 0), key("a", 400*day, 9*day)}, time.Minute, false, nil},
		{"what was encrypted may still come", []EncryptionKey{key("b", 9*day, 0), key("a", 400*day, 9*day)}, forgetAfter - time.Second, false, nil},
		{"nothing needs it", []EncryptionKey{key("b", 9*day, 0), key("a", 400*day, 9*day)}, forgetAfter, false, []string{"a"}},
		{"one of three", []EncryptionKey{key("c", time.Hour, 0), key("b", 9*day, time.Hour), key("a", 400*day, 9*day)}, day, false, []string{"a"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rotate, forget := Due(tt.keys, func(string) time.Time { return now.Add(-tt.referred) }, now)
			if rotate != tt.rotate || !slices.Equal(forget, tt.forget) {
				t.Errorf("rotate %v, forget %v", rotate, forget)
			}
		})
	}
}
