package people

import (
	"errors"
	"fmt"
	"net/url"

	"jtel.de/presencebridge/internal/graph"
)

// lostError is a resolution that would take away what was found before.
type lostError struct {
	group string // the entry; empty: everybody is gone
}

func (l *lostError) Error() string {
	if l.group == "" {
		return "the configured groups and users name nobody any more"
	}
	return fmt.Sprintf("%q of people.groups named a group before and does not any more", l.group)
}

func (l *lostError) advice() string {
	if l.group == "" {
		return "correct people.groups and people.users and restart, or reload if nobody shall be watched any more"
	}
	return "correct people.groups and restart, or reload if the group is really gone"
}

// causeOf tells an error without the entry, URL or account that it is about,
// which may name a person, and without what differs between two tries.
func causeOf(err error) string {
	if s, ok := errors.AsType[*graph.SignInError](err); ok {
		cause := "sign-in refused: " + s.Meaning
		if s.AADSTS != 0 {
			cause += fmt.Sprintf(" (AADSTS%d)", s.AADSTS)
		}
		return cause
	}
	if g, ok := errors.AsType[*graph.Error](err); ok {
		return fmt.Sprintf("graph answered %d %s", g.Status, g.Code)
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err.Error()
	}
	for errors.Unwrap(err) != nil {
		err = errors.Unwrap(err)
	}
	return err.Error()
}

func adviceOn(err error) string {
	if l, ok := errors.AsType[*lostError](err); ok {
		return l.advice()
	}
	if s, ok := errors.AsType[*graph.SignInError](err); ok {
		return s.Advice
	}
	if graph.Classify(err) == graph.Operator {
		return "grant the app the application permissions User.Read.All and GroupMember.Read.All with admin consent"
	}
	return ""
}

// requestID is what Microsoft's support asks for.
func requestID(err error) string {
	if g, ok := errors.AsType[*graph.Error](err); ok {
		return g.RequestID
	}
	return ""
}
