package app

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// Not ready is exactly when nothing that Graph sends would be taken.
func TestReadiness(t *testing.T) {
	good := func(change func(*standing)) standing {
		st := standing{bus: true, pushes: true, signingKeys: true, known: map[string]bool{"contoso": true}}
		change(&st)
		return st
	}
	for name, tt := range map[string]struct {
		standing
		want string // the parts, sorted
	}{
		"all is well":                    {good(func(*standing) {}), ""},
		"stopping":                       {good(func(st *standing) { st.stopping = true }), "service"},
		"bus away":                       {good(func(st *standing) { st.bus = false }), "nats"},
		"nothing can be judged":          {good(func(st *standing) { st.signingKeys = false }), "signing keys"},
		"polled only, no signing keys":   {good(func(st *standing) { st.pushes, st.signingKeys = false, false }), ""},
		"people not read":                {good(func(st *standing) { st.known["contoso"] = false }), "people of contoso"},
		"people of one of two not read":  {good(func(st *standing) { st.known["fabrikam"] = false }), ""},
		"people of both of two not read": {good(func(st *standing) { st.known = map[string]bool{"contoso": false, "fabrikam": false} }), "people of contoso, people of fabrikam"},
		"right after the start":          {standing{pushes: true, known: map[string]bool{"contoso": false}}, "nats, people of contoso, signing keys"},
	} {
		got := tt.notReady()
		if parts := strings.Join(slices.Sorted(maps.Keys(got)), ", "); parts != tt.want {
			t.Errorf("%s: %q, want %q", name, parts, tt.want)
		}
		for part, reason := range got {
			if reason == "" {
				t.Errorf("%s: no reason for %s", name, part)
			}
		}
	}
}
