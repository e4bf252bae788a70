package people

import (
	"cmp"
	"slices"
	"strings"

	"jtel.de/presencebridge/internal/graph"
)

// Person is somebody who is watched, as the directory tells it. The slices are
// shared between readers: they must not be changed.
type Person struct {
	TenantID          string // lower-case GUID
	ID                string // directory object id, lower-case GUID
	UserPrincipalName string
	Mail              string // empty when the directory has none
	DisplayName       string
	// Phones are the numbers that could be read, in E.164 ("+4989123456"),
	// business numbers first, each once.
	Phones []string
	// RawPhones are the numbers that could not be read, as somebody typed them.
	RawPhones []string
	// National are the numbers of Phones that are written without their country
	// ("089 123456"), as somebody typed them: whoever does not know the person's
	// usage location cannot read them.
	National []string
}

// newPerson takes over a directory user. The tenant is filled in by
// [Directory.Replace].
func newPerson(u graph.User) Person {
	p := Person{
		ID:                strings.ToLower(u.ID),
		UserPrincipalName: u.UserPrincipalName,
		Mail:              u.Mail,
		DisplayName:       u.DisplayName,
	}
	for _, raw := range u.BusinessPhones {
		p.addPhone(raw, u.UsageLocation)
	}
	p.addPhone(u.MobilePhone, u.UsageLocation)
	return p
}

func (p *Person) addPhone(raw, region string) {
	if raw = strings.TrimSpace(raw); raw == "" {
		return
	}
	number, ok := E164(raw, region)
	if !ok {
		p.RawPhones = appendNew(p.RawPhones, raw)
		return
	}
	p.Phones = appendNew(p.Phones, number)
	if strings.Contains(raw, "+") {
		return
	}
	if _, international := E164(raw, ""); !international { // not "0049 …" either
		p.National = appendNew(p.National, raw)
	}
}

func appendNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// same reports whether nothing that a consumer sees of the person differs.
func (p Person) same(q Person) bool {
	return p.TenantID == q.TenantID && p.ID == q.ID &&
		p.UserPrincipalName == q.UserPrincipalName && p.Mail == q.Mail && p.DisplayName == q.DisplayName &&
		slices.Equal(p.Phones, q.Phones) && slices.Equal(p.RawPhones, q.RawPhones)
}

func byID(a, b Person) int {
	return cmp.Or(cmp.Compare(a.TenantID, b.TenantID), cmp.Compare(a.ID, b.ID))
}
