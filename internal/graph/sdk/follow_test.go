package sdk_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"jtel.de/presencebridge/internal/graph/sdk"
	"jtel.de/presencebridge/internal/graph/signin"
	"jtel.de/presencebridge/internal/graphsim"
	"jtel.de/presencebridge/internal/people"
)

// A follower over the real client, against a Graph with faults: it follows by
// delta, and reads everything when the link has expired, in either form.
func TestFollowingOverTheWire(t *testing.T) {
	s := newSetting(t, nil)
	app, err := signin.NewApp(s.options)
	if err != nil {
		t.Fatal(err)
	}
	client, err := sdk.New(sdk.Options{BaseURL: s.GraphURL(), Credential: app, Roots: s.roots, ClientID: s.tenant.App.ID, Limiter: sdk.NewLimiter()})
	if err != nil {
		t.Fatal(err)
	}
	d := people.NewDirectory()
	f := people.NewFollower(people.Options{
		TenantID: s.tenant.ID, Graph: client, Selection: func() people.Selection { return people.Selection{All: true} },
		Directory: d, Every: 20 * time.Millisecond, Log: slog.New(slog.DiscardHandler),
	})
	ctx, cancel := context.WithCancel(t.Context())
	var run sync.WaitGroup
	run.Go(func() {
		if err := f.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	defer run.Wait()
	defer cancel()
	eventually := func(what string, done func() bool) {
		t.Helper()
		for end := time.Now().Add(30 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("no %s in time", what)
			}
		}
	}
	listings := func() int {
		n := 0
		for _, r := range s.History() {
			if r.Kind == graphsim.KindGraph && r.Method == http.MethodGet && strings.HasSuffix(r.Path, "/users") {
				n++
			}
		}
		return n
	}
	<-f.Ready()
	everybody := len(s.tenant.Users) + len(s.tenant.Accounts)
	first := listings()
	if n := len(d.IDs(s.tenant.ID)); n != everybody || first == 0 {
		t.Fatalf("%d of %d people, %d listings", n, everybody, first)
	}

	for i, faults := range []graphsim.Faults{{ThrottlePages: 0.3, EmptyPages: 0.3}, {ExpireDelta: true}, {ExpireDelta: true, SyncStateNotFound: true}} {
		s.SetFaults(faults)
		before := listings()
		changed := s.tenant.Users[0]
		number := fmt.Sprintf("+493023125%03d", 900+i)
		changed.MobilePhone = number
		s.PutUser(changed)
		newcomer := s.PutUser(graphsim.User{UserPrincipalName: "new@contoso.com"})
		eventually("newcomer", func() bool { _, there := d.Lookup(s.tenant.ID, newcomer); return there })
		eventually("new number", func() bool {
			p, _ := d.Lookup(s.tenant.ID, changed.ID)
			return slices.Contains(p.Phones, number)
		})
		s.RemoveUser(newcomer)
		eventually("removal", func() bool { _, there := d.Lookup(s.tenant.ID, newcomer); return !there })
		if n := len(d.IDs(s.tenant.ID)); n != everybody {
			t.Errorf("%d of %d people", n, everybody)
		}
		if expires := faults.ExpireDelta; (listings() > before) != expires {
			t.Errorf("with %+v everybody was listed %d times more", faults, listings()-before)
		}
	}
}
