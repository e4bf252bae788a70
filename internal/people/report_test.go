package people

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"jtel.de/presencebridge/internal/graph"
)

func TestReport(t *testing.T) {
	person := func(id, upn, mail string, phones ...string) Person {
		return newPerson(graph.User{ID: id, UserPrincipalName: upn, Mail: mail, BusinessPhones: phones, UsageLocation: "DE"})
	}
	fine := person(anna, "anna@contoso.com", "Anna@contoso.com", "+4989123456")
	for _, tt := range []struct {
		name   string
		people []Person
		missed []Miss
		want   []string // kind, subject, number of people
	}{
		{"nothing to say", []Person{fine}, nil, nil},
		{"no match", nil, []Miss{{Entry: "nobody@contoso.com"}, {Entry: "Sales", Reason: "the group has no members"}}, []string{
			"no_match nobody@contoso.com 0", "no_match Sales 0",
		}},
		{"matched twice", nil, []Miss{{Entry: "Sales", Reason: "several groups have this name", Several: true}}, []string{"matched_twice Sales 0"}},
		{"e-mail and user name differ", []Person{person(bert, "bert@contoso.com", "b.bert@contoso.com")}, nil, []string{"mail_differs b.bert@contoso.com 1"}},
		{"no e-mail", []Person{person(bert, "bert@contoso.com", "")}, nil, []string{"no_mail bert@contoso.com 1"}},
		{"numbers that are not E.164", []Person{person(bert, "bert@contoso.com", "bert@contoso.com", "1234", "089 654321", "+49 89 765-432", "room 0815")}, nil, []string{
			"unreadable_number 1234 1", "unreadable_number room 0815 1", "national_number 089 654321 1",
		}},
		{"one number, written differently", []Person{fine, person(bert, "bert@contoso.com", "bert@contoso.com", "0049 89 123 456")}, nil, []string{"shared_number +4989123456 2"}},
		{"one internal number", []Person{person(anna, "a@contoso.com", "a@contoso.com", "12"), person(bert, "b@contoso.com", "b@contoso.com", "12")}, nil, []string{
			"shared_number 12 2", "unreadable_number 12 1", "unreadable_number 12 1",
		}},
		{"one's e-mail is another's user name", []Person{fine, person(bert, "bert@contoso.com", "anna@CONTOSO.com")}, nil, []string{
			"shared_address anna@contoso.com 2", "mail_differs anna@CONTOSO.com 1",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, f := range Report(Resolution{People: tt.people, Missed: tt.missed}) {
				got = append(got, fmt.Sprint(f.Kind, " ", f.Subject, " ", len(f.People)))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func BenchmarkReport10000(b *testing.B) {
	var r Resolution
	for i := range 10_000 {
		r.People = append(r.People, newPerson(numbered(i)))
	}
	b.ReportAllocs()
	for b.Loop() {
		if n := len(Report(r)); n != 20_000 { // numbers in national form, other e-mail
			b.Fatal(n)
		}
	}
}
