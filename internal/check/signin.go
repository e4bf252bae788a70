package check

import (
	"errors"
	"fmt"

	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/internal/graph/signin"
)

// refusal is what a code of Entra ID says and what to do, in the languages that
// signin does not speak, and where the guide explains it. English is signin's.
type refusal struct {
	anchor              string
	meaningDE, adviceDE string
	meaningFR, adviceFR string
}

// signInOutcome says what a refusal of Entra ID means.
func (c *checker) signInOutcome(s *graph.SignInError) outcome {
	o := outcome{state: Failed, code: codeOf(s), anchor: "firewall"}
	if s.AADSTS != 0 {
		o.said = fmt.Sprintf("AADSTS%d %s", s.AADSTS, s.OAuth)
	} else {
		o.said = s.OAuth
	}
	if s.Err != nil {
		o.said = join(o.said, s.Err.Error())
	}
	switch r, found := refusals[s.AADSTS]; {
	case found:
		o.anchor = r.anchor
		o.meaning, o.advice, _ = signin.Describe(s.AADSTS, s.OAuth)
		switch c.language {
		case German:
			o.meaning, o.advice = r.meaningDE, r.adviceDE
		case French:
			o.meaning, o.advice = r.meaningFR, r.adviceFR
		}
	case errors.Is(s.Err, signin.ErrUnreadable):
		o.key, o.anchor = "sign-in.unreadable", "machine"
	case errors.Is(s.Err, signin.ErrUnknownDomain):
		o.key, o.anchor = "sign-in.unknown-domain", "service-users"
	case s.Permanent:
		o.key, o.anchor = "sign-in.refused", "app-registration"
	default:
		o.key = "sign-in.unreachable"
	}
	return o
}

func codeOf(s *graph.SignInError) string {
	if s.AADSTS != 0 {
		return fmt.Sprintf("AADSTS%d", s.AADSTS)
	}
	return s.OAuth
}

func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + ": " + b
}
