package people

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"jtel.de/presencebridge/internal/graph"
)

// fakeGraph is a directory made of functions.
type fakeGraph struct {
	users   func() iter.Seq2[graph.User, error]
	user    func(key string) (graph.User, error)
	group   func(key string) (graph.Group, error)
	members func(groupID string) iter.Seq2[graph.User, error]
	changes func(link string) ([]graph.UserChange, string, error) // nil: Graph refuses
}

func (f fakeGraph) Users(context.Context) iter.Seq2[graph.User, error] { return f.users() }
func (f fakeGraph) User(_ context.Context, key string) (graph.User, error) {
	return f.user(key)
}
func (f fakeGraph) Group(_ context.Context, key string) (graph.Group, error) {
	return f.group(key)
}
func (f fakeGraph) GroupMembers(_ context.Context, id string) iter.Seq2[graph.User, error] {
	return f.members(id)
}

func (f fakeGraph) UserChanges(_ context.Context, link string) ([]graph.UserChange, string, error) {
	if f.changes == nil {
		return nil, "", &graph.Error{Status: 400, Message: "no changes are told"}
	}
	return f.changes(link)
}

// each yields the users and then the error, if there is one.
func each(err error, users ...graph.User) iter.Seq2[graph.User, error] {
	return func(yield func(graph.User, error) bool) {
		for _, u := range users {
			if !yield(u, nil) {
				return
			}
		}
		if err != nil {
			yield(graph.User{}, err)
		}
	}
}

var notFound = &graph.Error{Status: 404, Code: "Request_ResourceNotFound", Message: "gone"}

func user(id, name string) graph.User {
	return graph.User{ID: id, UserPrincipalName: name + "@contoso.com", Mail: name + ".mail@contoso.com", UserType: "Member", AccountEnabled: new(true)}
}

// contoso is a directory of anna, bert and cleo, a disabled account and a guest.
// The group "sales" has anna and a disabled account, "empty" nobody.
func contoso() fakeGraph {
	a, b, c := user(anna, "anna"), user(bert, "bert"), user(strings.ToUpper(cleo), "cleo")
	disabled, guest := user("d36a4df4-9d72-4b1e-a7f6-97c6e9a6f0a1", "dora"), user("e36a4df4-9d72-4b1e-a7f6-97c6e9a6f0a1", "emil")
	disabled.AccountEnabled, guest.UserType = new(false), "Guest"
	everybody := []graph.User{c, b, disabled, a, guest}
	return fakeGraph{
		users: func() iter.Seq2[graph.User, error] { return each(nil, everybody...) },
		user: func(key string) (graph.User, error) {
			for _, u := range everybody {
				if strings.EqualFold(key, u.ID) || strings.EqualFold(key, u.UserPrincipalName) || strings.EqualFold(key, u.Mail) {
					return u, nil
				}
			}
			return graph.User{}, fmt.Errorf("get user: %w", notFound)
		},
		group: func(key string) (graph.Group, error) {
			switch key {
			case "sales", "empty":
				return graph.Group{ID: "id of " + key, DisplayName: key}, nil
			case "twice":
				return graph.Group{}, &graph.Error{Status: 400, Message: "2 groups have this name", Err: graph.ErrAmbiguous}
			}
			return graph.Group{}, notFound
		},
		members: func(id string) iter.Seq2[graph.User, error] {
			if id == "id of sales" {
				return each(nil, disabled, a)
			}
			return each(nil)
		},
	}
}

func TestResolve(t *testing.T) {
	const dora, emil = "d36a4df4-9d72-4b1e-a7f6-97c6e9a6f0a1", "e36a4df4-9d72-4b1e-a7f6-97c6e9a6f0a1"
	for _, tt := range []struct {
		name   string
		s      Selection
		want   []string
		missed []Miss
	}{
		{"nobody is wished", Selection{}, nil, nil},
		{"all: enabled members, sorted, in lower case", Selection{All: true}, []string{anna, bert, cleo}, nil},
		{"named explicitly", Selection{All: true, Users: []string{dora, "emil@contoso.com"}}, []string{anna, bert, cleo, dora, emil}, nil},
		{"a group leaves disabled accounts out", Selection{Groups: []string{"sales"}}, []string{anna}, nil},
		{"the same person twice", Selection{Groups: []string{"sales"}, Users: []string{anna, "ANNA@contoso.com", "bert.mail@contoso.com"}}, []string{anna, bert}, nil},
		{"exclude by id, name and mail", Selection{All: true, Exclude: []string{strings.ToUpper(anna), "BERT@contoso.com", "cleo.mail@contoso.com"}}, nil, nil},
		{"exclude wins over a name", Selection{Users: []string{anna, bert}, Exclude: []string{anna}}, []string{bert}, nil},
		{"exclude somebody who is left out anyway", Selection{All: true, Exclude: []string{"dora@contoso.com"}}, []string{anna, bert, cleo}, nil},
		{
			"entries that match nobody",
			Selection{Groups: []string{"nowhere", "twice", "empty", "sales"}, Users: []string{"nobody@contoso.com", bert}, Exclude: []string{"x@contoso.com"}},
			[]string{anna, bert},
			[]Miss{
				{Entry: "nowhere"},
				{Entry: "twice", Reason: "2 groups have this name", Several: true},
				{Entry: "empty", Reason: "the group has no members"},
				{Entry: "nobody@contoso.com"},
				{Entry: "x@contoso.com", Reason: "excludes nobody", Exclude: true},
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := Resolve(t.Context(), contoso(), tt.s)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, ids(r.People)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.missed, r.Missed); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestResolveFailsAsAWhole(t *testing.T) {
	broken := &graph.Error{Status: 503, Code: "ServiceUnavailable"}
	for name, breakIt := range map[string]func(*fakeGraph){
		"a page of users": func(g *fakeGraph) {
			g.users = func() iter.Seq2[graph.User, error] { return each(broken, user(anna, "anna")) }
		},
		"a user":  func(g *fakeGraph) { g.user = func(string) (graph.User, error) { return graph.User{}, broken } },
		"a group": func(g *fakeGraph) { g.group = func(string) (graph.Group, error) { return graph.Group{}, broken } },
		"a page of members": func(g *fakeGraph) {
			g.members = func(string) iter.Seq2[graph.User, error] { return each(broken, user(anna, "anna")) }
		},
		"members of a group that has just gone": func(g *fakeGraph) {
			g.members = func(string) iter.Seq2[graph.User, error] { return each(notFound) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := contoso()
			breakIt(&g)
			r, err := Resolve(t.Context(), g, Selection{All: true, Groups: []string{"sales"}, Users: []string{bert}})
			if _, ok := errors.AsType[*graph.Error](err); !ok {
				t.Errorf("err = %v, want Graph's", err)
			}
			if r.People != nil {
				t.Errorf("half of the people were returned: %v", ids(r.People))
			}
		})
	}
}

func TestPhonesOfAPerson(t *testing.T) {
	got := newPerson(graph.User{
		ID:             strings.ToUpper(anna),
		BusinessPhones: []string{"(089) 123456", "1234", " ", "1234"},
		MobilePhone:    "+49 89 123456",
		UsageLocation:  "DE",
	})
	want := Person{ID: anna, Phones: []string{"+4989123456"}, RawPhones: []string{"1234"}, National: []string{"(089) 123456"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// numbered is one of many users, with two numbers as they are usually typed.
func numbered(i int) graph.User {
	u := user(fmt.Sprintf("%08x-9d72-4b1e-a7f6-97c6e9a6f0a1", i), fmt.Sprintf("agent%d", i))
	u.BusinessPhones = []string{fmt.Sprintf("(089) 1%05d", i)}
	u.MobilePhone = fmt.Sprintf("+49 171 1%06d", i)
	u.UsageLocation = "DE"
	return u
}

func BenchmarkResolve10000(b *testing.B) {
	users := make([]graph.User, 10_000)
	for i := range users {
		users[i] = numbered(i)
	}
	g := fakeGraph{users: func() iter.Seq2[graph.User, error] { return each(nil, users...) }}
	b.ReportAllocs()
	for b.Loop() {
		r, err := Resolve(b.Context(), g, Selection{All: true})
		if err != nil || len(r.People) != len(users) {
			b.Fatal(len(r.People), err)
		}
	}
}
