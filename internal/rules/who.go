package rules

import (
	"regexp"
	"slices"
	"strings"

	"jtel.de/presencebridge/events"
)

// Who is a list of people: directory ids, e-mail addresses or user principal
// names (wildcards allowed), and phone numbers.
type Who struct {
	ids      []string  // lower case
	mails    []string  // lower case, without wildcards
	patterns []pattern // of mails
	phones   []string  // E.164
}

// How a person was found in a list.
const (
	byID      = "id"
	byMail    = "e-mail"
	byPattern = "e-mail pattern"
	byPhone   = "phone"
)

var guid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// Add puts somebody on the list; what the text is shows in its form. It reports
// whether it is any of them: an id, an address, a phone number of the region.
func (w *Who) Add(text, region string) bool {
	text = strings.ToLower(strings.TrimSpace(text))
	switch {
	case guid.MatchString(text):
		w.ids = append(w.ids, text)
	case strings.Contains(text, "@") && pattern(text).wild():
		w.patterns = append(w.patterns, pattern(text))
	case strings.Contains(text, "@"):
		w.mails = append(w.mails, text)
	default:
		number, ok := e164(text, region)
		if ok {
			w.phones = append(w.phones, number)
		}
		return ok
	}
	return true
}

// Names reports how the list names a person, the most certain way first; empty
// if it does not.
func (w *Who) Names(u *events.User, region string) string {
	if by := w.certain(u); by != "" {
		return by
	}
	for _, p := range w.patterns {
		if matches(p, u.Mail) || matches(p, u.UserPrincipalName) {
			return byPattern
		}
	}
	if w.rings(u, region) {
		return byPhone
	}
	return ""
}

// certain: an id or a whole address is one person's alone.
func (w *Who) certain(u *events.User) string {
	if slices.Contains(w.ids, strings.ToLower(u.ID)) {
		return byID
	}
	for _, mail := range [...]string{u.Mail, u.UserPrincipalName} {
		if mail != "" && slices.Contains(w.mails, strings.ToLower(mail)) {
			return byMail
		}
	}
	return ""
}

// rings: one of the person's numbers is in the list.
func (w *Who) rings(u *events.User, region string) bool {
	if len(w.phones) == 0 {
		return false
	}
	return slices.ContainsFunc(u.Phones, func(raw string) bool {
		number, ok := e164(raw, region)
		return ok && slices.Contains(w.phones, number)
	})
}

// Applied is an override that concerns a person.
type Applied struct {
	*Override
	By string // how it names them: id, e-mail, e-mail pattern or phone
}

// Applies gives the overrides that concern a person, in the order of the file.
// E-mail comes before phone: a number counts only if no override names the
// person by id or whole address, because numbers are shared and move on.
func (c *Client) Applies(u *events.User) []Applied {
	var applied []Applied
	certain := slices.ContainsFunc(c.Overrides, func(o Override) bool { return o.People.certain(u) != "" })
	for i := range c.Overrides {
		o := &c.Overrides[i]
		by := o.People.Names(u, c.Region)
		if by != "" && (by != byPhone || !certain) {
			applied = append(applied, Applied{o, by})
		}
	}
	return applied
}
