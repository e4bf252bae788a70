package signin

import (
	"slices"
	"strings"
	"testing"
	"time"

	"jtel.de/presencebridge/internal/graph"
)

func TestDescribe(t *testing.T) {
	rows := []struct {
		code      int
		permanent bool
		meaning   string // a word that an operator needs
		keep      time.Duration
	}{
		{50126, true, "password is wrong", time.Hour},
		{50034, true, "does not exist", time.Hour},
		{50055, true, "expired", time.Hour},
		{50053, true, "locked", time.Hour},
		{50056, true, "no password", time.Hour},
		{50057, true, "disabled", time.Hour},
		{50144, true, "on-premises", time.Hour},
		{50076, true, "multi-factor", 10 * time.Minute},
		{50079, true, "multi-factor", 10 * time.Minute},
		{50074, true, "multi-factor", 10 * time.Minute},
		{53003, true, "Conditional Access", 10 * time.Minute},
		{530035, true, "security defaults", 10 * time.Minute},
		{65001, true, "consented", 10 * time.Minute},
		{7000215, true, "secret is wrong", 10 * time.Minute},
		{7000222, true, "secret has expired", 10 * time.Minute},
		{7000218, true, "secret is missing", 10 * time.Minute},
		{90094, true, "consented", 10 * time.Minute},
		{700027, true, "not one of the app's", 10 * time.Minute},
		{700025, true, "public client", 10 * time.Minute},
		{700016, true, "app was not found", 10 * time.Minute},
		{7000112, true, "app is disabled", 10 * time.Minute},
		{90002, true, "tenant was not found", 10 * time.Minute},
		{9001023, true, "tenant's id", 10 * time.Minute},
		{50105, true, "not assigned", 10 * time.Minute},
		{50173, true, "revoked", 10 * time.Minute},
		{700082, true, "not used for too long", 10 * time.Minute},
		{70008, true, "expired", 10 * time.Minute},
		{70043, true, "sign-in frequency", 10 * time.Minute},
		{50078, true, "policies", 10 * time.Minute},
		{50132, true, "policies", 10 * time.Minute},
		{50133, true, "policies", 10 * time.Minute},
		{70016, false, "entered", 0},
		{70017, true, "declined", 10 * time.Minute},
		{70018, true, "not known", 10 * time.Minute},
		{70019, true, "in time", 10 * time.Minute},
		{70020, true, "in time", 10 * time.Minute},
		{50196, false, "loop", 0},
		{90055, false, "throttling", 0},
		{90033, false, "not available", 0},
		{90024, false, "not available", 0},
	}
	var tested []int
	for _, r := range rows {
		tested = append(tested, r.code)
		text, advice, permanent := Describe(r.code, "invalid_grant")
		if !strings.Contains(text, r.meaning) || permanent != r.permanent || advice == "" {
			t.Errorf("%d: %q, %q, permanent %t", r.code, text, advice, permanent)
		}
		if keep := remember(&graph.SignInError{AADSTS: r.code, OAuth: "invalid_grant", Permanent: permanent}); keep != r.keep {
			t.Errorf("%d is remembered for %s, want %s", r.code, keep, r.keep)
		}
	}
	for _, m := range aadsts {
		for _, code := range m.codes {
			if !slices.Contains(tested, code) {
				t.Errorf("row %d of the table is not tested", code)
			}
		}
	}
}

func TestDescribeByOAuthError(t *testing.T) {
	for oauth, want := range map[string]bool{
		"invalid_grant": true, "invalid_client": true, "unauthorized_client": true, "invalid_tenant": true,
		"interaction_required": true, "user_password_expired": true,
		"temporarily_unavailable": false, "server_error": false, "": false,
	} {
		text, advice, permanent := Describe(0, oauth)
		if permanent != want || text == "" || advice == "" {
			t.Errorf("%q: %q, %q, permanent %t", oauth, text, advice, permanent)
		}
	}
	if text, _, _ := Describe(0, "user_password_expired"); !strings.Contains(text, "expired") {
		t.Errorf("the old form of 50055 reads %q", text)
	}
}

func TestLabel(t *testing.T) {
	for want, e := range map[string]graph.SignInError{
		"AADSTS50126": {AADSTS: 50126, OAuth: "invalid_grant", Permanent: true},
		"other":       {AADSTS: 99999, OAuth: "invalid_grant", Permanent: true},
		"no_answer":   {},
		"set_up":      {Permanent: true}, // a secret that cannot be read
	} {
		if got := Label(&e); got != want {
			t.Errorf("%+v: %q, want %q", e, got, want)
		}
	}
}
