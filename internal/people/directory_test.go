package people

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const (
	tenantA = "84bd8158-6d4d-4958-8b9f-9d6445542f95"
	tenantB = "95bd8158-6d4d-4958-8b9f-9d6445542f95"
	anna    = "a36a4df4-9d72-4b1e-a7f6-97c6e9a6f0a1"
	bert    = "b36a4df4-9d72-4b1e-a7f6-97c6e9a6f0a1"
	cleo    = "c36a4df4-9d72-4b1e-a7f6-97c6e9a6f0a1"
)

func ids(people []Person) []string {
	var out []string
	for _, p := range people {
		out = append(out, p.ID)
	}
	return out
}

func TestDirectoryFinds(t *testing.T) {
	d := NewDirectory()
	d.Replace(tenantA, []Person{
		{ID: anna, UserPrincipalName: "anna@contoso.com", Mail: "Anna.One@contoso.com", Phones: []string{"+4989123456"}},
		{ID: bert, UserPrincipalName: "Bert@contoso.com", Phones: []string{"+4989123456"}, RawPhones: []string{"1234"}},
	})
	d.Replace(tenantB, []Person{{ID: cleo, UserPrincipalName: "cleo@fabrikam.com", Mail: "bert@contoso.com"}})

	for _, tt := range []struct {
		name string
		got  []Person
		want []string
	}{
		{"mail in another case", d.FindByMail(tenantA, "anna.one@CONTOSO.com"), []string{anna}},
		{"user principal name", d.FindByMail(tenantA, " anna@contoso.com "), []string{anna}},
		{"in its tenant only", d.FindByMail(tenantA, "bert@contoso.com"), []string{bert}},
		{"in every tenant", d.FindByMail("", "bert@contoso.com"), []string{bert, cleo}},
		{"nobody without a mail", d.FindByMail("", ""), nil},
		{"unknown tenant", d.FindByMail("x", "anna@contoso.com"), nil},
		{"shared number, written differently", d.FindByPhone(tenantA, "0049 (89) 123-456"), []string{anna, bert}},
		{"text as it is", d.FindByPhone("", "1234"), []string{bert}},
		{"unknown number", d.FindByPhone("", "+4989654321"), nil},
		{"no number", d.FindByPhone("", ""), nil},
	} {
		if diff := cmp.Diff(tt.want, ids(tt.got)); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}

	if p, ok := d.Lookup(tenantA, bert); !ok || p.TenantID != tenantA || p.UserPrincipalName != "Bert@contoso.com" {
		t.Errorf("Lookup = %+v, %v", p, ok)
	}
	if _, ok := d.Lookup(tenantB, bert); ok {
		t.Error("a person of one tenant was found in another")
	}
	if got := d.IDs(tenantA); !slices.Equal(got, []string{anna, bert}) {
		t.Errorf("IDs = %v", got)
	}
	if got := d.IDs("x"); got != nil {
		t.Errorf("IDs of an unknown tenant = %v", got)
	}
}

// somePeople draws a roster in which people come, go and change often.
func somePeople(t *rapid.T, label string) []Person {
	text := rapid.SampledFrom([]string{"", "a", "b"})
	return rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) Person {
		return Person{
			TenantID:    tenantA,
			ID:          fmt.Sprintf("%08d-0000-0000-0000-000000000000", rapid.IntRange(0, 9).Draw(t, "id")),
			Mail:        text.Draw(t, "mail"),
			DisplayName: text.Draw(t, "name"),
			Phones:      rapid.SliceOfN(text, 0, 2).Draw(t, "phones"),
		}
	}), 0, 10, func(p Person) string { return p.ID }).Draw(t, label)
}

func TestApplyingTheDiffGivesTheNewSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, after := somePeople(t, "before"), somePeople(t, "after")
		d := NewDirectory()
		d.Replace(tenantA, before)
		diff := d.Replace(tenantA, after)

		set := map[string]Person{}
		for _, p := range before {
			set[p.ID] = p
		}
		for _, p := range diff.Removed {
			if old, had := set[p.ID]; !had || !old.same(p) {
				t.Fatalf("removed %s, which was not there", p.ID)
			}
			delete(set, p.ID)
		}
		for _, p := range diff.Changed {
			if old, had := set[p.ID]; !had || old.same(p) {
				t.Fatalf("%s is called changed", p.ID)
			}
			set[p.ID] = p
		}
		for _, p := range diff.Added {
			if _, had := set[p.ID]; had {
				t.Fatalf("added %s, which was there", p.ID)
			}
			set[p.ID] = p
		}

		if len(set) != len(after) {
			t.Fatalf("the diff leads to %d people, want %d", len(set), len(after))
		}
		for _, want := range after {
			if !set[want.ID].same(want) {
				t.Fatalf("the diff leads to %+v, want %+v", set[want.ID], want)
			}
			if got, ok := d.Lookup(tenantA, want.ID); !ok || !got.same(want) {
				t.Fatalf("Lookup = %+v, want %+v", got, want)
			}
		}
		if len(d.IDs(tenantA)) != len(after) {
			t.Fatalf("%d ids, want %d", len(d.IDs(tenantA)), len(after))
		}
		if !d.Replace(tenantA, after).Empty() {
			t.Fatal("the same people again are called a change")
		}
	})
}

func TestReadersSeeAWholeRosterDuringReplacements(t *testing.T) {
	d := NewDirectory()
	small := []Person{{ID: anna, Mail: "a@contoso.com"}}
	large := []Person{{ID: anna, Mail: "a@contoso.com"}, {ID: bert}, {ID: cleo}}
	d.Replace(tenantA, small)
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for range 500 {
				if n := len(d.IDs(tenantA)); n != 1 && n != 3 {
					t.Errorf("a reader saw %d people", n)
				}
				if len(d.FindByMail(tenantA, "a@contoso.com")) != 1 {
					t.Error("a reader missed somebody who always stays")
				}
			}
		})
	}
	for i := range 200 {
		d.Replace(tenantA, [][]Person{small, large}[i%2])
		d.Replace(tenantB, small)
	}
	readers.Wait()
}

func TestLookupAllocatesNothing(t *testing.T) {
	d := NewDirectory()
	d.Replace(tenantA, []Person{{ID: anna, Phones: []string{"+4989123456"}}})
	if n := testing.AllocsPerRun(100, func() { d.Lookup(tenantA, anna) }); n != 0 {
		t.Errorf("Lookup allocates %v times", n)
	}
}

func BenchmarkLookup(b *testing.B) {
	const n = 10_000
	d := NewDirectory()
	roster := make([]Person, n)
	for i := range roster {
		roster[i] = newPerson(numbered(i))
	}
	d.Replace(tenantA, roster)
	keys := d.IDs(tenantA)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, ok := d.Lookup(tenantA, keys[i%n]); !ok {
			b.Fatal("not found")
		}
	}
}
