package people

import (
	"regexp"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// written is what a telephone number may look like: an optional "tel:", digits
// with the usual separators, an optional extension. Everything else is not a
// number, also where a lenient parser would find one in it ("room 0815").
var written = regexp.MustCompile(`(?i)^(?:tel:)?\s*(\+?\s*[0-9(][0-9 ()./\x{a0}\x{2010}-\x{2015}-]*?)\s*(?:[;,]?\s*(?:ext(?:ension)?|x)[.:=]?\s*[0-9]{1,7})?$`)

// E164 reads a phone number as somebody typed it: "+49 89 123-456",
// "0049 89 123456", "tel:+4989123456", or "(089) 123456" together with the
// region "DE", the two-letter country by which national numbers are read.
// Without a region only international numbers can be read.
//
// An extension that is marked as one ("tel:+4989123456;ext=12", "x12") is left
// out, since E.164 has no place for it: the answer is the main number, which
// several people may share. A direct dial that is part of the number
// ("+49 89 123456-12") stays part of it.
//
// International numbers must have a length that their country knows; national
// ones must be valid there, so that an internal "1234" is not taken for a
// public number. Source of the plans: libphonenumber.
func E164(raw, region string) (string, bool) {
	if len(raw) > 64 {
		return "", false
	}
	m := written.FindStringSubmatch(strings.TrimSpace(raw))
	if m == nil {
		return "", false
	}
	number, region := m[1], strings.ToUpper(region)
	if !strings.HasPrefix(number, "+") {
		if n, err := phonenumbers.Parse(number, region); err == nil && phonenumbers.IsValidNumber(n) {
			return format(n)
		}
		// "00" calls abroad from most countries, but is not tried first: from
		// Australia it is "0011".
		rest, international := strings.CutPrefix(number, "00")
		if !international {
			return "", false
		}
		number = "+" + rest
	}
	n, err := phonenumbers.Parse(number, "")
	if err != nil || phonenumbers.IsPossibleNumberWithReason(n) != phonenumbers.IS_POSSIBLE {
		return "", false
	}
	return format(n)
}

var e164 = regexp.MustCompile(`^\+[1-9][0-9]{4,14}$`)

func format(n *phonenumbers.PhoneNumber) (string, bool) {
	s := phonenumbers.Format(n, phonenumbers.E164)
	return s, e164.MatchString(s)
}
