package people

import "testing"

func TestE164(t *testing.T) {
	for _, tt := range []struct {
		raw, region, want string // want empty: refused
	}{
		{"+49 89 123-456", "", "+4989123456"},
		{"+49 (0)89 123456", "", "+4989123456"},
		{"+49 89 123456-12", "", "+498912345612"},
		{"+49 89 123\u2013456", "", "+4989123456"},
		{"+49\u00a089\u00a0123456", "", "+4989123456"},
		{"0049 89 123456", "", "+4989123456"},
		{"0049 89 123456", "DE", "+4989123456"},
		{"00 49 (89) 12 34 56", "FR", "+4989123456"},
		{"(089) 123456", "DE", "+4989123456"},
		{"089/123456", "de", "+4989123456"},
		{"0171 1234567", "DE", "+491711234567"},
		{"01 42 68 53 00", "FR", "+33142685300"},
		{"(425) 555-0100", "US", "+14255550100"},
		{"011 49 89 123456", "US", "+4989123456"},
		{"0011 49 89 123456", "AU", "+4989123456"},
		{"06 6982", "IT", "+39066982"}, // Italy keeps its zero
		{"+1 555 0100 123", "", "+15550100123"},
		{"tel:+4989123456", "", "+4989123456"},
		{"tel:+4989123456;ext=12", "", "+4989123456"},
		{"TEL: +49 89 123456", "", "+4989123456"},
		{"+49 89 123456 ext. 12", "", "+4989123456"},
		{"(425) 555-0100 x12", "US", "+14255550100"},
		{"  +4989123456  ", "DE", "+4989123456"},

		{"(089) 123456", "", ""},      // nobody says of which country
		{"(089) 123456", "XX", ""},    // nor here
		{"1234", "DE", ""},            // an internal extension
		{"room 0815", "DE", ""},       // not a number at all
		{"call 089 123456", "DE", ""}, // a parser would find one in it
		{"1-800-FLOWERS", "US", ""},
		{"+49 89 123456 / +49 89 654321", "DE", ""},
		{"+49", "", ""},
		{"+999 123456789", "", ""},
		{"+49 89 123456789012345678", "", ""},
		{"00", "", ""},
		{"+", "DE", ""},
		{"", "DE", ""},
		{"\x00", "DE", ""},
		{"agent1@contoso.com", "DE", ""},
	} {
		got, ok := E164(tt.raw, tt.region)
		if got != tt.want && ok || ok != (tt.want != "") {
			t.Errorf("E164(%q, %q) = %q, %v, want %q", tt.raw, tt.region, got, ok, tt.want)
		}
	}
}

func FuzzE164(f *testing.F) {
	for _, s := range []string{"+49 89 123-456", "0049 89 123456", "(089) 123456", "tel:+4989123456;ext=12", "1234", "06 6982", "x", "+", "0011 49 89 123456"} {
		for _, region := range []string{"", "DE", "US", "IT", "AU"} {
			f.Add(s, region)
		}
	}
	f.Fuzz(func(t *testing.T, raw, region string) {
		number, ok := E164(raw, region)
		if !ok {
			return
		}
		if !e164.MatchString(number) {
			t.Errorf("E164(%q, %q) = %q is not E.164", raw, region, number)
		}
		if again, ok := E164(number, ""); !ok || again != number {
			t.Errorf("E164(%q, %q) = %q, which reads as %q, %v", raw, region, number, again, ok)
		}
	})
}
