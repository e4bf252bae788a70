package subscriptions

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"jtel.de/presencebridge/internal/graph"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

const (
	anna = "a36a4df4-9d72-4b1e-a7f6-97c6e9a6f0a1"
	bert = "b36a4df4-9d72-4b1e-a7f6-97c6e9a6f0a1"
)

func desired(people ...string) Desired {
	return Desired{
		TenantID:          "84bd8158-6d4d-4958-8b9f-9d6445542f95",
		AccountKey:        "0123456789abcdef",
		UserIDs:           people,
		NotificationURL:   "https://receiver.example.com/graph/notifications",
		LifecycleURL:      "https://receiver.example.com/graph/lifecycle",
		Certificate:       graph.Certificate{ID: "new", DER: []byte{1}},
		KnownCertificates: func(id string) bool { return id == "new" || id == "old" },
		ClientState:       "0123456789abcdef.mac",
	}
}

// listed is the desired subscription as a listing shows it, made different by change.
func listed(d Desired, id string, left time.Duration, change func(*graph.Subscription)) graph.Subscription {
	s := d.subscription()
	s.ID, s.ExpiresAt, s.ClientState, s.Certificate.DER = id, noon.Add(left), "", nil
	if change != nil {
		change(&s)
	}
	return s
}

func TestPlan(t *testing.T) {
	d := desired(anna, bert)
	nobody := desired()
	fit := listed(d, "fit", 45*time.Minute, nil)
	for _, tt := range []struct {
		name   string
		d      Desired
		actual []graph.Subscription
		want   []string
	}{
		{"nothing there", d, nil, []string{"create"}},
		{"nothing there, nothing wanted", nobody, nil, nil},
		{"it fits", d, []graph.Subscription{fit}, []string{"adopt fit"}},
		{"exactly half of the hour is left", d, []graph.Subscription{listed(d, "a", 30*time.Minute, nil)}, []string{"adopt a"}},
		{"less than half of the hour is left", d, []graph.Subscription{listed(d, "a", 30*time.Minute-1, nil)}, []string{"adopt a", "renew a"}},
		{"about to end", d, []graph.Subscription{listed(d, "a", 2*time.Minute-1, nil)}, []string{"delete a", "create"}},
		{"has ended", d, []graph.Subscription{listed(d, "a", -time.Minute, nil)}, []string{"delete a", "create"}},
		{"older certificate that we still know", d, []graph.Subscription{listed(d, "a", 45*time.Minute, func(s *graph.Subscription) { s.Certificate.ID = "old" })}, []string{"adopt a"}},
		{"unknown certificate", d, []graph.Subscription{listed(d, "a", 45*time.Minute, func(s *graph.Subscription) { s.Certificate.ID = "theirs" })}, []string{"delete a", "create"}},
		{"certificate not told", d, []graph.Subscription{listed(d, "a", 45*time.Minute, func(s *graph.Subscription) { s.Certificate.ID = "" })}, []string{"delete a", "create"}},
		{"other people", d, []graph.Subscription{listed(d, "a", 45*time.Minute, func(s *graph.Subscription) { s.UserIDs = []string{anna} })}, []string{"delete a", "create"}},
		{"other URL", d, []graph.Subscription{listed(d, "a", 45*time.Minute, func(s *graph.Subscription) { s.NotificationURL += "/old" })}, []string{"delete a", "create"}},
		{"no lifecycle URL, which cannot be added", d, []graph.Subscription{listed(d, "a", 45*time.Minute, func(s *graph.Subscription) { s.LifecycleURL = "" })}, []string{"delete a", "create"}},
		{"a double besides", d, []graph.Subscription{listed(d, "a", 50*time.Minute, func(s *graph.Subscription) { s.NotificationURL = "x" }), fit}, []string{"adopt fit", "delete a"}},
		{"two fit: the longer one stays", d, []graph.Subscription{listed(d, "a", 40*time.Minute, nil), fit}, []string{"adopt fit", "delete a"}},
		{"two doubles and none that fits", d, []graph.Subscription{listed(d, "a", 0, nil), listed(d, "b", 0, nil)}, []string{"delete a", "delete b", "create"}},
		{"another resource than presence", d, []graph.Subscription{listed(d, "mail", 40*time.Minute, func(s *graph.Subscription) { s.UserIDs = nil })}, []string{"create"}},
		{"nobody wanted any more", nobody, []graph.Subscription{fit, listed(d, "a", time.Minute, nil)}, []string{"delete fit", "delete a"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, a := range Plan(tt.d, tt.actual, noon) {
				step := a.Kind.String()
				if a.Subscription.ID != "" {
					step += " " + a.Subscription.ID
				}
				got = append(got, step)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPlanCreatesWhatIsDesired(t *testing.T) {
	d := desired(anna, bert)
	plan := Plan(d, nil, noon)
	want := graph.Subscription{
		UserIDs: d.UserIDs, NotificationURL: d.NotificationURL, LifecycleURL: d.LifecycleURL,
		ClientState: d.ClientState, Certificate: d.Certificate,
	}
	if diff := cmp.Diff(want, plan[0].Subscription); diff != "" {
		t.Error(diff)
	}
}

// someWish and someSubscriptions draw from so few values that they often meet.
func someWish(t *rapid.T) Desired {
	return desired(rapid.SampledFrom([][]string{nil, {anna}, {anna, bert}}).Draw(t, "people")...)
}

func someSubscriptions(t *rapid.T, d Desired) []graph.Subscription {
	n := rapid.IntRange(0, 4).Draw(t, "actual")
	var out []graph.Subscription
	for i := range n {
		out = append(out, listed(d, fmt.Sprint("s", i), time.Duration(rapid.IntRange(-5, 60).Draw(t, "minutes"))*time.Minute, func(s *graph.Subscription) {
			s.UserIDs = rapid.SampledFrom([][]string{{anna}, {anna, bert}}).Draw(t, "theirs")
			s.Certificate.ID = rapid.SampledFrom([]string{"", "old", "new", "theirs"}).Draw(t, "certificate")
			s.NotificationURL = rapid.SampledFrom([]string{d.NotificationURL, "https://elsewhere.example.com"}).Draw(t, "url")
		}))
	}
	return out
}

func TestPlanIsSafe(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := someWish(t)
		actual := someSubscriptions(t, d)
		var exists []string // at Graph, while the plan is carried out
		for _, s := range actual {
			exists = append(exists, s.ID)
		}
		adopted, created := 0, 0
		for _, a := range Plan(d, actual, noon) {
			id := a.Subscription.ID
			switch a.Kind {
			case Adopt:
				adopted++
				if !slices.Contains(exists, id) {
					t.Fatalf("adopts %q, which is not there", id)
				}
			case Renew:
				if adopted == 0 || !slices.Contains(exists, id) {
					t.Fatalf("renews %q, which was not adopted", id)
				}
			case Delete:
				if !slices.Contains(exists, id) {
					t.Fatalf("deletes %q, which is not there", id)
				}
				exists = slices.DeleteFunc(exists, func(x string) bool { return x == id })
			case Create:
				if len(exists) > 0 {
					t.Fatalf("creates while %v exist", exists)
				}
				exists = append(exists, "created")
				created++
			}
		}
		want := min(len(d.UserIDs), 1)
		if len(exists) != want || adopted+created != want {
			t.Fatalf("%d adopted, %d created, %v left", adopted, created, exists)
		}
	})
}

var errLost = errors.New("the answer was lost")

// carryOut is the simplest thing that acts on a plan: it stops at the first error.
func carryOut(ctx context.Context, g Graph, d Desired, now time.Time) error {
	actual, err := g.Subscriptions(ctx)
	if err != nil {
		return err
	}
	for _, a := range Plan(d, actual, now) {
		switch a.Kind {
		case Delete:
			err = g.DeleteSubscription(ctx, a.Subscription.ID)
		case Renew:
			_, err = g.RenewSubscription(ctx, a.Subscription.ID, now.Add(Lifetime), &d.Certificate)
		case Create:
			a.Subscription.ExpiresAt = now.Add(Lifetime)
			_, err = g.CreateSubscription(ctx, a.Subscription)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func TestPlanConvergesWhateverFails(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, now := someWish(t), noon
		s := newSim()
		s.subs, s.now = someSubscriptions(t, d), func() time.Time { return now }
		faulty := true
		s.before = func(context.Context, string) error {
			if faulty && rapid.IntRange(0, 3).Draw(t, "fault") == 0 {
				return unavailable
			}
			return nil
		}
		s.after = func(string) error {
			if faulty && rapid.IntRange(0, 3).Draw(t, "lost") == 0 {
				return errLost
			}
			return nil
		}
		for range rapid.IntRange(0, 8).Draw(t, "faulty rounds") {
			if rapid.Bool().Draw(t, "the wish changes") {
				d = someWish(t)
			}
			_ = carryOut(t.Context(), s, d, now)
			if len(s.subs) > 4 {
				t.Fatalf("%d subscriptions pile up", len(s.subs))
			}
			now = now.Add(time.Duration(rapid.IntRange(0, 20).Draw(t, "minutes")) * time.Minute)
		}
		faulty = false
		// Only an expired or just vanished one may cost a second round.
		_ = carryOut(t.Context(), s, d, now)
		if err := carryOut(t.Context(), s, d, now); err != nil {
			t.Fatalf("a round without faults failed: %v", err)
		}
		for _, a := range Plan(d, s.subs, now) {
			if a.Kind != Adopt {
				t.Fatalf("not at rest: %s %s: %s", a.Kind, a.Subscription.ID, a.Reason)
			}
		}
		if len(s.subs) != min(len(d.UserIDs), 1) {
			t.Fatalf("%d subscriptions for %d people", len(s.subs), len(d.UserIDs))
		}
	})
}
