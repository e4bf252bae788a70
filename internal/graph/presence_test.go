package graph

import "testing"

func TestConfirms(t *testing.T) {
	yes, no := true, false
	home, empty := "home", ""
	busy := Presence{Availability: "Busy", Activity: "InACall"}
	with := func(change func(*Presence)) Presence {
		p := busy
		change(&p)
		return p
	}
	for _, tt := range []struct {
		name        string
		last, later Presence
		want        bool
	}{
		{"equal", busy, busy, true},
		{"other case", busy, Presence{Availability: "busy", Activity: "inACall"}, true},
		{"other activity", busy, Presence{Availability: "Busy", Activity: "InAMeeting"}, false},
		{"other availability", busy, Presence{Availability: "Away", Activity: "InACall"}, false},
		{"sequence number is no news", busy, with(func(p *Presence) { p.SequenceNumber = "A2" }), true},
		{"out of office now told", busy, with(func(p *Presence) { p.OutOfOffice = &yes }), false},
		{"in office now told", busy, with(func(p *Presence) { p.OutOfOffice = &no }), true},
		{"out of office no longer told", with(func(p *Presence) { p.OutOfOffice = &yes }), busy, true},
		{"back in office", with(func(p *Presence) { p.OutOfOffice = &yes }), with(func(p *Presence) { p.OutOfOffice = &no }), false},
		{"message now told", busy, with(func(p *Presence) { p.StatusMessage = &home }), false},
		{"message taken away", with(func(p *Presence) { p.StatusMessage = &home }), with(func(p *Presence) { p.StatusMessage = &empty }), false},
		{"location told empty", busy, with(func(p *Presence) { p.WorkLocation = &empty }), true},
	} {
		if got := tt.later.Confirms(tt.last); got != tt.want {
			t.Errorf("%s: Confirms = %v, want %v", tt.name, got, tt.want)
		}
	}
}
