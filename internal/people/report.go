package people

import (
	"slices"
	"strconv"
	"strings"
)

// Kind of a finding.
type Kind string

// The kinds, in the order in which a report tells them.
const (
	NoMatch          Kind = "no_match"          // an entry of the configuration names nobody
	MatchedTwice     Kind = "matched_twice"     // an entry of the configuration names several
	SharedAddress    Kind = "shared_address"    // several people have an e-mail address or user name
	SharedNumber     Kind = "shared_number"     // several people have a phone number
	UnreadableNumber Kind = "unreadable_number" // a phone number is none, or lacks its country
	NationalNumber   Kind = "national_number"   // a phone number is read only by the person's usage location
	NoMail           Kind = "no_mail"           // a person has no e-mail address
	MailDiffers      Kind = "mail_differs"      // e-mail address and user principal name differ
)

// Finding is something in the directory or in the configuration by which a
// contact centre, which looks for people by e-mail and then by number, finds
// nobody or the wrong one.
type Finding struct {
	Kind Kind
	// Subject is what it is about: the entry, address or number. Numbers that
	// could be read are in E.164.
	Subject string
	Reason  string   // more about an entry; may be empty
	People  []Person // whom it concerns, sorted by id; nobody for an entry
	// Place is where it stands in a report, as text that sorts so. It stays the same
	// whatever else is found.
	Place string
}

var order = []Kind{NoMatch, MatchedTwice, SharedAddress, SharedNumber, UnreadableNumber, NationalNumber, NoMail, MailDiffers}

func (f Finding) place() string {
	place := strconv.Itoa(slices.Index(order, f.Kind)) + " " + strings.ToLower(f.Subject)
	if len(f.People) > 0 {
		place += " " + f.People[0].ID
	}
	return place
}

// Report tells what is wrong with the identities of a resolution, sorted by place:
// kind by kind and then by subject.
func Report(r Resolution) []Finding {
	var all []Finding
	for _, m := range r.Missed {
		kind := NoMatch
		if m.Several {
			kind = MatchedTwice
		}
		all = append(all, Finding{Kind: kind, Subject: m.Entry, Reason: m.Reason})
	}
	known := newRoster("", r.People)
	all = append(all, known.shared(SharedAddress, known.byMail)...)
	all = append(all, known.shared(SharedNumber, known.byPhone)...)
	for _, kind := range []struct {
		kind     Kind
		subjects func(Person) []string
	}{
		{UnreadableNumber, func(p Person) []string { return p.RawPhones }},
		{NationalNumber, func(p Person) []string { return p.National }},
		{NoMail, func(p Person) []string { return only(p.UserPrincipalName, p.Mail == "") }},
		{MailDiffers, func(p Person) []string {
			return only(p.Mail, p.Mail != "" && mailKey(p.Mail) != mailKey(p.UserPrincipalName))
		}},
	} {
		for _, p := range r.People {
			for _, subject := range kind.subjects(p) {
				all = append(all, Finding{Kind: kind.kind, Subject: subject, People: []Person{p}})
			}
		}
	}
	for i := range all {
		all[i].Place = all[i].place()
	}
	slices.SortStableFunc(all, func(a, b Finding) int { return strings.Compare(a.Place, b.Place) })
	return all
}

// only is the subject if the condition holds.
func only(subject string, holds bool) []string {
	if holds {
		return []string{subject}
	}
	return nil
}

// shared are the keys of an index that lead to several people.
func (r *roster) shared(kind Kind, keys map[string][]string) []Finding {
	var all []Finding
	for key, ids := range keys {
		if len(ids) < 2 {
			continue
		}
		f := Finding{Kind: kind, Subject: key}
		for _, id := range ids {
			f.People = append(f.People, r.people[id])
		}
		all = append(all, f)
	}
	return all
}
