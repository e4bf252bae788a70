package graphsim_test

import (
	"slices"
	"testing"
	"time"

	"jtel.de/presencebridge/internal/graphsim"
)

func TestHiccups(t *testing.T) {
	b := start(t, graphsim.Options{})
	token := b.appToken()
	ask := func(f graphsim.Faults, n int) (statuses map[int]int, last answer) {
		b.SetFaults(f)
		statuses = map[int]int{}
		for range n {
			a := b.graph(token, "GET", "/me", nil)
			if a.status != 403 { // what an app gets when nothing is wrong
				last = a
			}
			statuses[a.status]++
		}
		return statuses, last
	}
	if got, last := ask(graphsim.Faults{Throttle: 0.5}, 100); got[429] < 25 || got[429] > 75 || last.header.Get("Retry-After") != "1" {
		t.Errorf("429 at half: %v %v", got, last.header)
	}
	if got, last := ask(graphsim.Faults{Unavailable: 3}, 200); got[503] != 3 || last.header.Get("Retry-After") != "1" {
		t.Errorf("three 503s: %v", got)
	}
	if got, last := ask(graphsim.Faults{Throttle: 1, NoRetryAfter: true}, 1); got[429] != 1 || last.header.Get("Retry-After") != "" {
		t.Errorf("429 without Retry-After: %v %v", got, last.header)
	}
	if got, last := ask(graphsim.Faults{ClaimsChallenge: 1}, 2); got[401] != 1 || last.header.Get("WWW-Authenticate") == "" {
		t.Errorf("claims: %v %v", got, last.header)
	}
	if got, _ := ask(graphsim.Faults{Refuse: []graphsim.Refusal{{Path: "/me", Status: 502}}}, 3); got[502] != 3 {
		t.Errorf("refusal: %v", got)
	}
	before := time.Now()
	if ask(graphsim.Faults{Delay: 20 * time.Millisecond}, 1); time.Since(before) < 20*time.Millisecond {
		t.Error("no delay")
	}
}

func TestTokenLife(t *testing.T) {
	b := start(t, graphsim.Options{Speed: 60})
	a := b.token(b.password(0))
	if n := a.body["expires_in"].(float64); n < 59 || n > 61 {
		t.Errorf("expires_in %v", n)
	}
	b.SetFaults(graphsim.Faults{TokenLife: time.Second})
	token := b.userToken(0)
	end := int64(b.claims(token)["exp"].(float64))
	time.Sleep(time.Until(time.Unix(end, 0)) + time.Millisecond)
	if a := b.graph(token, "GET", "/subscriptions", nil); a.status != 401 || a.message() != "Access token has expired or is not yet valid." {
		t.Errorf("expired: %d %s", a.status, a.raw)
	}
}

func TestReorder(t *testing.T) {
	b := start(t, graphsim.Options{Faults: graphsim.Faults{Reorder: true, BatchWindow: 50 * time.Millisecond}})
	user := b.Tenant().Users[0].ID
	b.subscribe(0, user)
	var made, got []string
	for i := range 30 {
		activity := "A" + string(rune('A'+i))
		b.SetPresence(user, "Busy", activity)
		made = append(made, activity)
	}
	b.drain()
	for _, d := range b.recv.items() {
		got = append(got, d.Plain["activity"].(string))
	}
	if slices.Equal(got, made) {
		t.Error("nothing was reordered")
	}
	slices.Sort(got)
	if !slices.Equal(got, made) {
		t.Errorf("lost or made up: %v", got)
	}
}

// Everything at once, and nothing may be lost or out of order but by a retry.
func TestDefaultFaultsLoseNothing(t *testing.T) {
	b := start(t, graphsim.Options{Speed: 1000, Faults: graphsim.DefaultFaults()})
	var token string
	for token == "" {
		if a := b.token(b.password(0)); a.status == 200 {
			token = a.body["access_token"].(string)
		}
	}
	for a := (answer{}); a.status != 201; {
		a = b.graph(token, "POST", "/subscriptions", b.rich())
		if a.status != 201 && a.status != 429 && a.status != 503 {
			t.Fatal(a.raw)
		}
	}
	for _, u := range b.Tenant().Users {
		b.SetPresence(u.ID, "Busy", "InACall")
	}
	b.drain()
	people := map[string]bool{}
	for _, d := range b.recv.items() {
		if d.Item.ChangeType == "updated" {
			people[d.user()] = true
		}
	}
	if len(people) != 24 {
		t.Errorf("%d people", len(people))
	}
}
