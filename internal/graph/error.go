package graph

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Class says what to do about an error. It is decided here, once.
type Class int

const (
	// Transient errors pass by themselves: retry with backoff.
	Transient Class = iota
	// Throttled is transient too, but not before RetryAfter.
	Throttled
	// NotFound means that the object is gone: do not retry, make it anew.
	NotFound
	// Conflict means that it exists already.
	Conflict
	// Unauthorized means that the token was refused: get a new one, once.
	Unauthorized
	// Operator means that nothing helps until somebody changes the set-up.
	Operator
	// Invalid means that Graph will never accept this request as it is.
	Invalid
)

func (c Class) String() string {
	names := [...]string{"transient", "throttled", "not found", "conflict", "unauthorized", "operator", "invalid"}
	if c < 0 || int(c) >= len(names) {
		return fmt.Sprintf("class %d", int(c))
	}
	return names[c]
}

// Error is an error answer of Graph. Source of the codes: Graph, "errors".
type Error struct {
	Status     int    // HTTP status
	Code       string // error.code, which varies: decide by Status
	Message    string
	RequestID  string        // what Microsoft's support asks for
	RetryAfter time.Duration // zero when Graph sent none
	Err        error         // the library's own error, may be nil
}

func (e *Error) Error() string {
	text := fmt.Sprintf("graph answered %d %s: %s", e.Status, e.Code, e.Message)
	if e.RequestID != "" {
		text += " (request-id " + e.RequestID + ")"
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

// Class of an answer, by status. 400 is the mixed one: a failed handshake
// passes once the endpoint is reachable, everything else in it stays wrong.
func (e *Error) Class() Class {
	switch {
	case e.Status == 401:
		return Unauthorized
	case e.Status == 403:
		return Operator
	case e.Status == 404 || e.Status == 410:
		return NotFound
	case e.Status == 409:
		return Conflict
	case e.Status == 429:
		return Throttled
	case e.Status == 408 || e.Status == 425:
		return Transient
	case e.Status == 400 && e.HandshakeFailed():
		return Transient
	case e.Status == 400 && strings.Contains(e.Message, "NotFound"):
		return NotFound
	case e.Status >= 400 && e.Status < 500:
		return Invalid
	}
	return Transient
}

// ErrAmbiguous is the cause of an error about a name that several objects have.
var ErrAmbiguous = errors.New("ambiguous")

// HandshakeFailed reports whether a create failed because Graph could not
// validate the notification URL. The texts are those that users report; the
// code differs between them.
func (e *Error) HandshakeFailed() bool {
	return e.Status == 400 && strings.Contains(e.Message, "Subscription validation request")
}

// SignInError is a refusal by Entra ID to issue a token.
// Source of the codes: Entra ID, "AADSTS error codes".
type SignInError struct {
	Who     string // "app <client id>" or the service user's name
	AADSTS  int    // 0 when Entra sent none
	OAuth   string // the error member, e.g. "invalid_grant"
	Meaning string // in plain words
	Advice  string // what an operator must do
	// Permanent errors stay until an operator acts; repeating them may lock the account.
	Permanent bool
	Err       error
}

func (e *SignInError) Error() string {
	text := "sign in " + e.Who + ": " + e.Meaning
	if e.AADSTS != 0 {
		text += fmt.Sprintf(" (AADSTS%d)", e.AADSTS)
	} else if e.OAuth != "" {
		text += " (" + e.OAuth + ")"
	}
	if e.Advice != "" {
		text += "; " + e.Advice
	}
	return text
}

func (e *SignInError) Unwrap() error { return e.Err }

// Classify tells what to do about any error of a call to Graph. Errors that
// are not an answer (network, deadline) are transient.
func Classify(err error) Class {
	if s, ok := errors.AsType[*SignInError](err); ok {
		if s.Permanent {
			return Operator
		}
		return Transient
	}
	if g, ok := errors.AsType[*Error](err); ok {
		return g.Class()
	}
	return Transient
}

// CodeHeldBack is the code of an answer that the bridge gives itself: no turn
// fits into the deadline of the call, and Graph was not asked.
const CodeHeldBack = "HeldBack"

// HeldBack reports whether a call only waits for its turn; see RetryAfter.
func HeldBack(err error) bool {
	g, ok := errors.AsType[*Error](err)
	return ok && g.Code == CodeHeldBack
}

// RetryAfter is how long Graph asked us to wait; zero when it did not.
func RetryAfter(err error) time.Duration {
	if g, ok := errors.AsType[*Error](err); ok {
		return g.RetryAfter
	}
	return 0
}

// Stopped reports whether err only says that we are shutting down.
func Stopped(ctx context.Context, err error) bool {
	return ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, ctx.Err()))
}
