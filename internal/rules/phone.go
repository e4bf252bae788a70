package rules

import (
	"regexp"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// written is what a phone number looks like: digits with the usual separators.
// The library's parser would also find a number in a sentence.
var written = regexp.MustCompile(`^\+?[0-9(][0-9 ()./-]*$`)

// e164 reads a phone number in its international form (+49 89 123, 0049 89 123)
// or, given the region "DE", in its national one (089 123).
func e164(raw, region string) (string, bool) {
	raw = strings.TrimSpace(raw)
	if len(raw) > 40 || !written.MatchString(raw) {
		return "", false
	}
	n, err := phonenumbers.Parse(raw, region)
	if err != nil || !strings.HasPrefix(raw, "+") && !phonenumbers.IsValidNumber(n) {
		rest, international := strings.CutPrefix(raw, "00")
		if !international {
			return "", false
		}
		if n, err = phonenumbers.Parse("+"+rest, ""); err != nil {
			return "", false
		}
	}
	if phonenumbers.IsPossibleNumberWithReason(n) != phonenumbers.IS_POSSIBLE {
		return "", false
	}
	return phonenumbers.Format(n, phonenumbers.E164), true
}

// isRegion reports whether national numbers of this country can be read.
func isRegion(code string) bool { return phonenumbers.GetSupportedRegions()[code] }
