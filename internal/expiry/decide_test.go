package expiry

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"strings"
	"testing"
	"time"

	"jtel.de/presencebridge/internal/graph"
)

var now = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func in(days int) time.Time { return now.Add(time.Duration(days) * day) }

func TestSecretIsFoundByItsHint(t *testing.T) {
	app := func(secrets ...graph.AppSecret) graph.Application { return graph.Application{Secrets: secrets} }
	for name, tt := range map[string]struct {
		app   graph.Application
		state State
		ends  time.Time
		note  string
	}{
		"the only one":   {app(graph.AppSecret{Hint: "abc", Ends: in(20)}), Known, in(20), ""},
		"among others":   {app(graph.AppSecret{Hint: "xyz", Ends: in(1)}, graph.AppSecret{Hint: "abc", Ends: in(300)}), Known, in(300), ""},
		"two alike":      {app(graph.AppSecret{Hint: "abc", Ends: in(300)}, graph.AppSecret{Hint: "abc", Ends: in(20)}), Known, in(20), "begin alike"},
		"none fits":      {app(graph.AppSecret{Hint: "xyz", Ends: in(20)}), Unknown, time.Time{}, "begins like"},
		"case counts":    {app(graph.AppSecret{Hint: "ABC", Ends: in(20)}), Unknown, time.Time{}, "begins like"},
		"no hint":        {app(graph.AppSecret{Ends: in(20)}), Unknown, time.Time{}, "begins like"},
		"app without":    {app(), Unknown, time.Time{}, "begins like"},
		"ended just now": {app(graph.AppSecret{Hint: "abc", Ends: in(0)}), Known, in(0), ""},
	} {
		i := secret(Item{Kind: ClientSecret}, tt.app, "abc~value")
		if i.State != tt.state || !i.Ends.Equal(tt.ends) || !strings.Contains(i.Note, tt.note) || i.Advice == "" {
			t.Errorf("%s: %+v", name, i)
		}
		if strings.Contains(fmt.Sprintf("%+v", i), "abc") {
			t.Errorf("%s: the item tells of the secret: %+v", name, i)
		}
	}
}

func TestPasswordByTheRules(t *testing.T) {
	changed := graph.PasswordFacts{Changed: in(-60)}
	forbidden := fmt.Errorf("read: %w", &graph.Error{Status: 403, Code: "Authorization_RequestDenied"})
	for name, tt := range map[string]struct {
		facts  graph.PasswordFacts
		policy graph.PasswordPolicy
		err    error
		state  State
		ends   time.Time
		note   string
	}{
		"policy of the domain":    {changed, graph.PasswordPolicy{Days: 90}, nil, Known, in(30), "by the policy"},
		"ended already":           {changed, graph.PasswordPolicy{Days: 30}, nil, Known, in(-30), "by the policy"},
		"no period named":         {changed, graph.PasswordPolicy{}, nil, Known, in(30), "Microsoft documents"},
		"domain says never":       {changed, graph.PasswordPolicy{Days: math.MaxInt32}, nil, Never, time.Time{}, "domain"},
		"user says never":         {graph.PasswordFacts{NeverExpires: true}, graph.PasswordPolicy{Days: 90}, nil, Never, time.Time{}, "user's"},
		"never without a policy":  {graph.PasswordFacts{NeverExpires: true}, graph.PasswordPolicy{}, forbidden, Never, time.Time{}, "user's"},
		"on-premises":             {graph.PasswordFacts{Changed: in(-60), Synchronised: true, NeverExpires: true}, graph.PasswordPolicy{Days: 90}, nil, Unknown, time.Time{}, "on-premises"},
		"federated":               {changed, graph.PasswordPolicy{Days: 90, Federated: true}, nil, Unknown, time.Time{}, "federation"},
		"no permission":           {changed, graph.PasswordPolicy{}, forbidden, Unknown, time.Time{}, "permission missing: Domain.Read.All"},
		"change not told":         {graph.PasswordFacts{}, graph.PasswordPolicy{Days: 90}, nil, Unknown, time.Time{}, "does not tell"},
		"outage":                  {changed, graph.PasswordPolicy{}, errors.New("no route"), Unknown, time.Time{}, "no route"},
		"a domain nobody knows":   {changed, graph.PasswordPolicy{}, &graph.Error{Status: 404}, Unknown, time.Time{}, "does not have it"},
		"never, and nobody knows": {changed, graph.PasswordPolicy{Days: math.MaxInt32, Federated: true}, nil, Unknown, time.Time{}, "federation"},
	} {
		i := password(Item{Kind: Password}, tt.facts, tt.policy, tt.err)
		if i.State != tt.state || !i.Ends.Equal(tt.ends) || !strings.Contains(i.Note, tt.note) {
			t.Errorf("%s: %+v", name, i)
		}
		if i.State != Never && i.Advice == "" {
			t.Errorf("%s: no advice", name)
		}
		if i.passing != (name == "outage") {
			t.Errorf("%s: passing %t", name, i.passing)
		}
	}
}

func TestRefreshTokenRolls(t *testing.T) {
	const again = "presencebridge login"
	if i := refresh(Item{}, in(-10), nil, again); i.State != Known || !i.Ends.Equal(in(80)) || i.Advice != again {
		t.Errorf("%+v", i)
	}
	if i := refresh(Item{}, time.Time{}, fmt.Errorf("read: %w", fs.ErrNotExist), again); i.State != Unknown || !strings.Contains(i.Note, "nobody has signed") || i.Advice != again {
		t.Errorf("%+v", i)
	}
	if i := refresh(Item{}, time.Time{}, errors.New("damaged"), again); i.State != Unknown || !strings.Contains(i.Note, "damaged") {
		t.Errorf("%+v", i)
	}
}

func TestCertificateThatCannotBeRead(t *testing.T) {
	if i := TLS(nil, nil); i.State != Unknown || !strings.Contains(i.Note, "holds none") {
		t.Errorf("%+v", i)
	}
	if i := TLS(nil, errors.New("no such file")); i.State != Unknown || !strings.Contains(i.Note, "no such file") {
		t.Errorf("%+v", i)
	}
}
