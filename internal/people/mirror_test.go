package people

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"jtel.de/presencebridge/internal/graph"
)

// world is a directory that changes and tells its changes. One group holds the
// users of even numbers.
type world struct {
	users   map[string]graph.User
	version int
	touched map[string]int // id -> version; also of those who are gone
	fail    error          // of the next call that tells changes
	gone    string         // an id whose next read finds nobody
	listed  int            // how often everybody was read
	asked   int            // how often one was read
}

func newWorld() *world { return &world{users: map[string]graph.User{}, touched: map[string]int{}} }

func (w *world) put(u graph.User) {
	w.version++
	w.users[u.ID], w.touched[u.ID] = u, w.version
}

func (w *world) remove(id string) {
	w.version++
	delete(w.users, id)
	w.touched[id] = w.version
}

func (w *world) Users(context.Context) iter.Seq2[graph.User, error] {
	w.listed++
	return w.each(func(graph.User) bool { return true })
}

func (w *world) each(keep func(graph.User) bool) iter.Seq2[graph.User, error] {
	return func(yield func(graph.User, error) bool) {
		for _, u := range w.users {
			if keep(u) && !yield(u, nil) {
				return
			}
		}
	}
}

func (w *world) User(_ context.Context, key string) (graph.User, error) {
	w.asked++
	if key == w.gone {
		w.gone = ""
		return graph.User{}, notFound
	}
	for _, property := range []int{0, 1, 2} {
		var found []graph.User
		for _, u := range w.users {
			if keysOf(u)[property] == mailKey(key) {
				found = append(found, u)
			}
		}
		if len(found) == 1 {
			return found[0], nil
		} else if len(found) > 1 {
			return graph.User{}, &graph.Error{Status: 400, Message: "several", Err: graph.ErrAmbiguous}
		}
	}
	return graph.User{}, notFound
}

func (w *world) Group(_ context.Context, key string) (graph.Group, error) {
	if key != "even" {
		return graph.Group{}, notFound
	}
	return graph.Group{ID: "even", DisplayName: key}, nil
}

func (w *world) GroupMembers(context.Context, string) iter.Seq2[graph.User, error] {
	return w.each(func(u graph.User) bool { return strings.HasPrefix(u.ID, "0") })
}

func (w *world) UserChanges(_ context.Context, link string) ([]graph.UserChange, string, error) {
	if err := w.fail; err != nil {
		w.fail = nil
		return nil, "", err
	}
	var changes []graph.UserChange
	if since, err := strconv.Atoi(link); err == nil {
		for id, version := range w.touched {
			_, there := w.users[id]
			if version > since {
				changes = append(changes, graph.UserChange{ID: id, Removed: !there})
			}
		}
	}
	return changes, strconv.Itoa(w.version), nil
}

func newTestFollower(g Graph) *Follower {
	return NewFollower(Options{TenantID: tenantA, Graph: g, Directory: NewDirectory(), Every: 15 * time.Minute, Log: slog.New(slog.DiscardHandler)})
}

// Whatever happens in the directory and to the calls, following the changes
// comes to what reading everything comes to, or to an error.
func TestFollowingChangesIsLikeReadingEverything(t *testing.T) {
	id := rapid.Custom(func(t *rapid.T) string {
		return fmt.Sprintf("%d%07d-0000-4000-8000-000000000000", rapid.IntRange(0, 1).Draw(t, "odd"), rapid.IntRange(0, 5).Draw(t, "n"))
	})
	address := rapid.SampledFrom([]string{"a@contoso.com", "b@contoso.com", "c@contoso.com", ""})
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld()
		f := newTestFollower(w)
		entries := rapid.OneOf(address.Filter(func(s string) bool { return s != "" }), id)
		s := Selection{
			All:     rapid.Bool().Draw(t, "all"),
			Users:   rapid.SliceOfNDistinct(entries, 0, 4, rapid.ID).Draw(t, "users"),
			Exclude: rapid.SliceOfNDistinct(entries, 0, 2, rapid.ID).Draw(t, "exclude"),
		}
		if rapid.Bool().Draw(t, "group") {
			s.Groups = []string{"even", "nowhere"}
		}
		for range rapid.IntRange(1, 12).Draw(t, "refreshes") {
			for range rapid.IntRange(0, 4).Draw(t, "changes") {
				id := id.Draw(t, "id")
				if rapid.IntRange(0, 3).Draw(t, "remove") == 0 {
					w.remove(id)
					continue
				}
				w.put(graph.User{
					ID: id, Mail: address.Draw(t, "mail"), UserPrincipalName: "user-" + id + "@contoso.com",
					DisplayName: rapid.SampledFrom([]string{"x", "y"}).Draw(t, "name"), MobilePhone: rapid.SampledFrom([]string{"+4989123456", "12"}).Draw(t, "phone"),
					AccountEnabled: new(rapid.Bool().Draw(t, "enabled")), UserType: "Member",
				})
			}
			switch rapid.IntRange(0, 5).Draw(t, "fault") {
			case 0:
				w.fail = rapid.SampledFrom([]error{
					&graph.Error{Status: 410, Code: "resyncRequired"}, &graph.Error{Status: 400, Code: "syncStateNotFound"},
					&graph.Error{Status: 503}, &graph.Error{Status: 429}, context.DeadlineExceeded,
				}).Draw(t, "failure")
			case 1:
				// To somebody unknown it is the directory's word, until the next read.
				if id := id.Draw(t, "not there yet"); f.mirror != nil && f.mirror.users[id].ID != "" {
					w.gone = id
				}
			}
			got, err := f.read(t.Context(), s)
			w.fail, w.gone = nil, ""
			if err != nil {
				if len(got.People) > 0 {
					t.Fatalf("half of the people: %v, %v", got, err)
				}
				got, err = f.read(t.Context(), s)
			}
			want, wantErr := Resolve(t.Context(), w, s)
			if err != nil || wantErr != nil {
				t.Fatalf("%v, %v", err, wantErr)
			}
			// An address that means somebody else by now, or several, is found at
			// the next full read; until then the one that was found stays.
			if diff := cmp.Diff(want, got); diff != "" && !slices.ContainsFunc(s.Users, w.shared) {
				t.Fatal(diff)
			}
		}
	})
}

// shared reports whether several people have an address.
func (w *world) shared(key string) bool {
	n := 0
	for _, u := range w.users {
		if slices.Contains(keysOf(u), mailKey(key)) {
			n++
		}
	}
	return n > 1
}

// Following costs what changed, not what there is.
func TestFollowingReadsOnlyWhatChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		for i := range 1000 {
			w.put(numbered(i))
		}
		f := newTestFollower(w)
		s := Selection{All: true, Users: []string{numbered(1).ID}}
		read := func(people, listed, asked int) {
			t.Helper()
			r, err := f.read(t.Context(), s)
			if err != nil || len(r.People) != people || w.listed != listed || w.asked != asked {
				t.Fatalf("%d people, %d listings, %d look-ups, %v; want %d, %d, %d", len(r.People), w.listed, w.asked, err, people, listed, asked)
			}
		}
		read(1000, 1, 1)
		read(1000, 1, 1)
		w.put(user("f36a4df4-9d72-4b1e-a7f6-97c6e9a6f0a1", "new"))
		w.remove(numbered(7).ID)
		read(1000, 1, 2)

		time.Sleep(fullEvery)
		read(1000, 2, 3)
		for i := range manyChanges + 1 {
			w.put(numbered(i + 10))
		}
		read(1000, 3, 3+manyChanges+1) // the pages, and the named one
		s.Users = nil
		read(1000, 4, 3+manyChanges+1)
	})
}

func TestWithoutUsersThereIsNothingToFollow(t *testing.T) {
	w := newWorld()
	w.put(user(anna, "anna"))
	w.fail = context.DeadlineExceeded // would be told
	f := newTestFollower(w)
	if _, err := f.read(t.Context(), Selection{Groups: []string{"even"}}); err != nil || w.fail == nil || f.mirror != nil {
		t.Errorf("%v, mirror %v", err, f.mirror)
	}
}

// A failure to tell changes at the start only costs the full read next time.
func TestFollowerWithoutALink(t *testing.T) {
	w := newWorld()
	w.put(user(anna, "anna"))
	f := newTestFollower(w)
	for i := range 3 {
		w.fail = &graph.Error{Status: 403}
		if r, err := f.read(t.Context(), Selection{All: true}); err != nil || len(r.People) != 1 || w.listed != i+1 {
			t.Errorf("%+v, %v after %d listings", r, err, w.listed)
		}
	}
}

func BenchmarkFollow10000(b *testing.B) {
	w := newWorld()
	for i := range 10_000 {
		w.put(numbered(i))
	}
	f := newTestFollower(w)
	if _, err := f.read(b.Context(), Selection{All: true}); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		w.put(numbered(1))
		if _, err := f.read(b.Context(), Selection{All: true}); err != nil {
			b.Fatal(err)
		}
	}
}
