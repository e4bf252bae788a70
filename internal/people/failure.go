package people

import (
	"errors"
	"fmt"
	"net/url"

	"jtel.de/presencebridge/internal/graph"
)

// causeOf tells an error without the entry, URL or account that it is about,
// which may name a person, and without what differs between two tries.
func causeOf(err error) string {
	if s, ok := errors.AsType[*graph.SignInError](err); ok {
		return fmt.Sprintf("sign-in refused: %s (AADSTS%d)", s.Meaning, s.AADSTS)
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
