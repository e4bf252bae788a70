package rules

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jtel.de/presencebridge/events"
)

const tenantID = "84bd8158-6d4d-4958-8b9f-9d6445542f95"

func state(availability, activity string) events.UserData {
	return events.UserData{
		TenantID: tenantID, Tenant: "contoso", User: events.User{ID: "b36a4df4-9d72-4b1e-a7f6-97c6e9a6f0a1", Mail: "agent1@contoso.com"},
		Availability: availability, Activity: activity, Freshness: events.Fresh,
	}
}

func TestJudge(t *testing.T) {
	c := example(t).Clients[0]
	with := func(d events.UserData, change func(*events.UserData)) events.UserData { change(&d); return d }
	phone := func(number string) func(*events.UserData) {
		return func(d *events.UserData) { d.User.Phones = []string{"junk", number} }
	}
	for name, tt := range map[string]struct {
		d    events.UserData
		want Verdict
	}{
		"free":            {state("Available", "Available"), Verdict{Reachable, By{"available*", 26}, 10 * time.Second, nil}},
		"idle":            {state("AVAILABLEidle", "Available"), Verdict{Reachable, By{"available*", 26}, 10 * time.Second, nil}},
		"in a call":       {state("busy", "inacall"), Verdict{Unreachable, By{"on the phone", 22}, 10 * time.Second, nil}},
		"free and in one": {state("Available", "InAConferenceCall"), Verdict{Unreachable, By{"on the phone", 22}, 10 * time.Second, nil}},
		"busy":            {state("Busy", "Busy"), Verdict{Unreachable, By{"busy*, donotdisturb, offline", 25}, 10 * time.Second, nil}},
		"nothing fits":    {state("Away", "Away"), Verdict{Unchanged, By{"otherwise", 7}, 10 * time.Second, nil}},
		"never seen": {state("Teleporting", "Yoga"), Verdict{Unchanged, By{"otherwise", 7}, 10 * time.Second,
			[]string{`availability "Teleporting"`, `activity "Yoga"`}}},
		"new activity":     {state("Busy", "Yoga"), Verdict{Unreachable, By{"busy*, donotdisturb, offline", 25}, 10 * time.Second, []string{`activity "Yoga"`}}},
		"pattern as value": {state("*", "Napping"), Verdict{Unchanged, By{"otherwise", 7}, 10 * time.Second, []string{`availability "*"`}}},
		"out of office": {with(state("Available", "OutOfOffice"), func(d *events.UserData) { d.OutOfOffice = new(true) }),
			Verdict{Unreachable, By{"away for longer", 19}, 10 * time.Second, nil}},
		"in the office": {with(state("Available", "Available"), func(d *events.UserData) { d.OutOfOffice = new(false) }),
			Verdict{Reachable, By{"available*", 26}, 10 * time.Second, nil}},
		"stale": {with(state("Busy", "InACall"), func(d *events.UserData) { d.Freshness = events.Stale }),
			Verdict{Unchanged, By{"stale", 6}, 10 * time.Second, nil}},
		"boss": {with(state("Busy", "InACall"), func(d *events.UserData) { d.User.Mail = "Boss@Contoso.com" }),
			Verdict{Reachable, By{"always", 14}, 0, nil}},
		"boss by name": {with(state("Busy", "InACall"), func(d *events.UserData) { d.User.UserPrincipalName = "BOSS@contoso.com" }),
			Verdict{Reachable, By{"always", 14}, 0, nil}},
		"boss by id": {with(state("Busy", "InACall"), func(d *events.UserData) { d.User.ID = "C0FFEE00-0000-4000-8000-000000000001" }),
			Verdict{Reachable, By{"always", 14}, 0, nil}},
		"boss away":                 {with(state("Away", "Away"), func(d *events.UserData) { d.User.Mail = "boss@contoso.com" }), Verdict{Unchanged, By{"otherwise", 7}, 0, nil}},
		"boss, who knows":           {with(state("Busy", "Busy"), func(d *events.UserData) { d.User.Mail, d.Freshness = "boss@contoso.com", events.Stale }), Verdict{Unreachable, By{"stale", 12}, 0, nil}},
		"boss by number":            {with(state("Busy", "InACall"), phone("+4989123456")), Verdict{Reachable, By{"always", 14}, 0, nil}},
		"boss by national number":   {with(state("Busy", "InACall"), phone("(089) 123-456")), Verdict{Reachable, By{"always", 14}, 0, nil}},
		"boss by 00 number":         {with(state("Busy", "InACall"), phone("0049 89 123456")), Verdict{Reachable, By{"always", 14}, 0, nil}},
		"another number":            {with(state("Busy", "InACall"), phone("+4989123457")), Verdict{Unreachable, By{"on the phone", 22}, 10 * time.Second, nil}},
		"Munich":                    {with(state("Available", "Available"), func(d *events.UserData) { d.User.Mail = "x@Munich.contoso.com" }), Verdict{Reachable, By{"available*", 26}, time.Minute, nil}},
		"Munich with boss's number": {with(with(state("Busy", "InACall"), phone("+4989123456")), func(d *events.UserData) { d.User.Mail = "x@munich.contoso.com" }), Verdict{Reachable, By{"always", 14}, 0, nil}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, c.Judge(&tt.d)); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
		})
	}
}

// E-mail comes before phone: whoever an override names by address is not taken
// for somebody else with the same number.
func TestMailBeforePhone(t *testing.T) {
	s, err := Parse("rules.yaml", []byte(`
clients:
  - name: a
    tenants: contoso
    stale: unchanged
    otherwise: unreachable
    overrides:
      - {name: by number, people: "+49 89 123456", rules: [{availability: Busy, then: reachable}]}
      - {name: by address, people: agent1@contoso.com, rules: [{availability: Busy, then: unchanged}]}
    rules: [{availability: Available, then: reachable}]
`))
	if err != nil {
		t.Fatal(err)
	}
	d := state("Busy", "Busy")
	d.User.Phones = []string{"+4989123456"}
	c := s.Clients[0]
	if applied := c.Applies(&d.User); len(applied) != 1 || applied[0].Name != "by address" || applied[0].By != "e-mail" {
		t.Errorf("applied %+v", applied)
	}
	if v := c.Judge(&d); v.Then != Unchanged {
		t.Errorf("verdict %+v", v)
	}
	d.User.Mail = ""
	if applied := c.Applies(&d.User); len(applied) != 1 || applied[0].Name != "by number" || applied[0].By != "phone" {
		t.Errorf("applied %+v", applied)
	}
}

// Several clients may listen to a tenant, and a client to several tenants.
func TestListens(t *testing.T) {
	sales, service := example(t).Clients[0], example(t).Clients[1]
	if sales.Name != "sales" {
		t.Errorf("name %s", sales.Name)
	}
	for _, tt := range []struct {
		tenant, id, mail string
		sales, service   bool
	}{
		{"Contoso", "x", "anybody@contoso.com", true, false},
		{"renamed", tenantID, "", true, false},
		{"contoso", "x", "Agent1@contoso.com", true, true},
		{"fabrikam", "y", "a@service.contoso.com", false, true},
		{"fabrikam", "y", "a@contoso.com", false, false},
	} {
		d := events.UserData{Tenant: tt.tenant, TenantID: tt.id, User: events.User{Mail: tt.mail}}
		if sales.Listens(&d) != tt.sales || service.Listens(&d) != tt.service {
			t.Errorf("%+v: sales %t, service %t", tt, sales.Listens(&d), service.Listens(&d))
		}
	}
}

func TestExplain(t *testing.T) {
	d := state("Busy", "Busy")
	d.User.Mail = "boss@munich.contoso.com"
	want := []Step{
		{By{"away for longer", 19}, Unreachable, "out_of_office"},
		{By{"on the phone", 22}, Unreachable, "activity"},
		{By{"busy*, donotdisturb, offline", 25}, Unreachable, ""},
	}
	if diff := cmp.Diff(want, example(t).Clients[0].Explain(&d)); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	d.Freshness = events.Stale
	if diff := cmp.Diff([]Step{{By{"stale", 6}, Unchanged, ""}}, example(t).Clients[0].Explain(&d)); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

func BenchmarkJudge(b *testing.B) {
	c := example(b).Clients[0]
	d := state("Available", "Available")
	d.User.Phones = []string{"+4989123457"}
	b.ReportAllocs()
	for b.Loop() {
		c.Judge(&d)
	}
}
