package graph

import (
	"slices"
	"testing"
)

const (
	id1 = "b36a4df4-9d72-4b1e-a7f6-97c6e9a6f0a1"
	id2 = "fc0eea34-31b1-43ef-9f2c-0f5b4b4cd3aa"
)

func TestPresenceUserIDs(t *testing.T) {
	for _, tt := range []struct {
		resource string
		want     []string
		fails    bool
	}{
		{PresenceResource([]string{id2, id1}), []string{id1, id2}, false},
		{"communications/presences?$filter=id in ('" + id1 + "')", []string{id1}, false},
		{"communications/presences?$FILTER=id in ('FC0EEA34-31B1-43EF-9F2C-0F5B4B4CD3AA')", []string{id2}, false},
		{"communications/presences/" + id1, []string{id1}, false},
		{"/communications/presences('" + id1 + "')", []string{id1}, false},
		{"/users/" + id1 + "/messages", nil, true},
		{"communications/presences", nil, true},
		{"", nil, true},
	} {
		got, err := PresenceUserIDs(tt.resource)
		if (err != nil) != tt.fails || !slices.Equal(got, tt.want) {
			t.Errorf("PresenceUserIDs(%q) = %v, %v", tt.resource, got, err)
		}
	}
}

func FuzzPresenceUserIDs(f *testing.F) {
	f.Add(PresenceResource([]string{id1, id2}))
	f.Add("communications/presences('" + id1 + "')")
	f.Fuzz(func(t *testing.T, resource string) {
		ids, err := PresenceUserIDs(resource)
		if err != nil {
			return
		}
		again, err := PresenceUserIDs(PresenceResource(ids))
		if err != nil || !slices.Equal(ids, again) {
			t.Errorf("%v does not survive: %v, %v", ids, again, err)
		}
	})
}
