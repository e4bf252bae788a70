package app_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"jtel.de/presencebridge/internal/app"
	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/demo"
	"jtel.de/presencebridge/internal/graphsim"
)

// TestPeopleAreSpreadOverAccounts: the whole service against a simulated tenant
// of more people than one subscription, or two, may name.
func TestPeopleAreSpreadOverAccounts(t *testing.T) {
	const people = 1400
	site, err := demo.NewSite(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	sim := graphsim.New(graphsim.Options{Seed: 1, People: people, Roots: site.Roots})
	if err := sim.Start(); err != nil {
		t.Fatal(err)
	}
	defer sim.Close()
	callback, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	file, err := site.Write(sim, demo.Addresses{Callback: callback.Addr().String(), Admin: "127.0.0.1:0", NATS: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	nameAccounts(t, file, sim.Tenant().Accounts)
	c, err := config.Load(file, nil)
	if err != nil {
		t.Fatal(err)
	}

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var service errgroup.Group
	service.Go(func() error {
		return app.Run(ctx, app.Options{Config: c, Log: slog.New(slog.DiscardHandler), Callback: callback, DeleteSubscriptions: true})
	})
	covered := func() (sizes []int) {
		for _, s := range sim.Subscriptions() {
			sizes = append(sizes, len(s.UserIDs))
		}
		slices.Sort(sizes)
		return sizes
	}
	want := []int{100, 650, 650}
	for ctx.Err() == nil && !slices.Equal(covered(), want) {
		time.Sleep(20 * time.Millisecond)
	}
	if got := covered(); !slices.Equal(got, want) {
		t.Errorf("subscriptions over %d people, want %d", got, want)
	}
	everybody := map[string]bool{}
	for _, s := range sim.Subscriptions() {
		for _, id := range s.UserIDs {
			everybody[id] = true
		}
	}
	if len(everybody) != people {
		t.Errorf("%d people are covered, want %d", len(everybody), people)
	}
	cancel()
	if err := service.Wait(); err != nil {
		t.Error(err)
	}
	if left := covered(); len(left) > 0 {
		t.Errorf("subscriptions left over %d people", left)
	}
}

// nameAccounts names all accounts in the configuration, which has the first one.
func nameAccounts(t *testing.T, file string, accounts []graphsim.Account) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, a := range accounts {
		all = append(all, fmt.Sprintf("{username: %s, password: %q}", a.Username, a.Password))
	}
	one := fmt.Sprintf("{username: %s, password_file: service-password}", accounts[0].Username)
	changed := strings.Replace(string(text), one, strings.Join(all, ", "), 1)
	if changed == string(text) {
		t.Fatalf("%s does not name the first account", file)
	}
	if err := os.WriteFile(file, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
}
