package handlers

import "testing"

func TestToken(t *testing.T) {
	token := NewToken(" old\n")
	good, accepted := token.accepts("Bearer old")
	if !accepted {
		t.Error("the token is not accepted")
	}
	token.Replace("old")
	if good.Err() != nil {
		t.Error("the same token again cuts off what was asked for with it")
	}
	token.Replace("new")
	if good.Err() == nil {
		t.Error("what was asked for with the token before goes on")
	}
	if _, accepted := NewToken("").accepts("Bearer "); accepted {
		t.Error("an empty token is accepted")
	}
	for header, want := range map[string]bool{"Bearer old": false, "Bearer new": true, "bearer new": true, "Bearer": false, "Basic new": false, "": false} {
		if _, accepted := token.accepts(header); accepted != want {
			t.Errorf("%q: accepted %v", header, accepted)
		}
	}
}
