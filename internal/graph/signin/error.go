package signin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	msal "github.com/AzureAD/microsoft-authentication-library-for-go/apps/errors"

	"jtel.de/presencebridge/internal/graph"
)

// answer is the body of a refusal. Source: Entra ID, "OAuth 2.0 error response".
// The description serves to find a code and goes no further: it may name the user.
type answer struct {
	status  int
	Error   string `json:"error"`
	Codes   []int  `json:"error_codes"`
	Text    string `json:"error_description"`
	TraceID string `json:"trace_id"`
}

// Causes of a *graph.SignInError without a code of Entra ID, which was not asked.
var (
	// ErrUnreadable: a secret, certificate or password could not be read.
	ErrUnreadable = errors.New("not readable")
	// ErrUnknownDomain: no directory has the domain of the user name.
	ErrUnknownDomain = errors.New("the domain is unknown")
)

// unknownRealm is how MSAL says that it does not know the domain of a user name.
const unknownRealm = "unknown account type"

var codeInText = regexp.MustCompile(`\bAADSTS(\d{4,9})\b`)

// readAnswer gives what Entra ID answered, if it answered at all.
func readAnswer(err error) (a answer, ok bool) {
	if own, ok := errors.AsType[*refusedRequest](err); ok {
		return own.answer, true
	}
	var res *http.Response
	if call, ok := errors.AsType[msal.CallErr](err); ok {
		res = call.Resp
	} else if failed, ok := errors.AsType[*azidentity.AuthenticationFailedError](err); ok {
		res = failed.RawResponse
	}
	if res == nil {
		return answer{}, false
	}
	body, _ := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	res.Body = io.NopCloser(bytes.NewReader(body)) // it is read twice
	if json.Unmarshal(body, &a) != nil {
		a = answer{} // a proxy's page
	}
	a.status = res.StatusCode
	return a, true
}

func (a answer) code() int {
	if len(a.Codes) > 0 {
		return a.Codes[0]
	}
	if m := codeInText.FindStringSubmatch(a.Text); m != nil {
		n, _ := strconv.Atoi(m[1])
		return n
	}
	return 0
}

// describe makes our error of the library's, whose own is not wrapped: it holds
// the request, and with it the password and the secret.
func describe(who string, err error) *graph.SignInError {
	if s, ok := errors.AsType[*graph.SignInError](err); ok {
		return s
	}
	if u, ok := errors.AsType[*unreadable](err); ok {
		return &graph.SignInError{
			Who: who, Meaning: u.what + " cannot be read", Advice: "correct the configuration",
			Permanent: true, Err: u,
		}
	}
	a, ok := readAnswer(err)
	if !ok && err.Error() == unknownRealm {
		return &graph.SignInError{
			Who: who, Meaning: "the domain of the user name is not one of Entra ID's",
			Advice: "correct the user name (the user principal name)", Permanent: true, Err: ErrUnknownDomain,
		}
	}
	if !ok {
		return unreachable(who, err)
	}
	s := &graph.SignInError{Who: who, AADSTS: a.code(), OAuth: a.Error}
	s.Meaning, s.Advice, s.Permanent = Describe(s.AADSTS, s.OAuth)
	if _, known := lookUp(s.AADSTS); !known && (a.status == http.StatusTooManyRequests || a.status >= 500) {
		s.Meaning, s.Advice, s.Permanent = Describe(0, "")
	}
	s.Err = fmt.Errorf("entra answered %d (trace %s)", a.status, a.TraceID)
	return s
}

// unreachable is a sign-in that got no answer. The cause keeps its identity
// (a cancelled context, a network error) but loses the address, in which MSAL
// writes the user's name, and any text of MSAL, which may quote an answer.
func unreachable(who string, err error) *graph.SignInError {
	cause := err
	if u, ok := errors.AsType[*url.Error](err); ok {
		cause = u.Err
	} else if !isContext(err) {
		cause = errors.New("the answer was not understood")
	}
	s := &graph.SignInError{Who: who, Err: cause}
	s.Meaning, s.Advice, s.Permanent = Describe(0, "")
	if op, ok := errors.AsType[*net.OpError](cause); ok {
		cause = op.Err // without its ports, which differ from try to try
	}
	s.Meaning += ": " + cause.Error()
	return s
}

func isContext(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// grantRefused reports whether a refresh token did not do, so that the password
// has to. A refused app or an outage would refuse the password as well.
func grantRefused(err error) bool {
	a, ok := readAnswer(err)
	return ok && (a.Error == "invalid_grant" || a.Error == "interaction_required")
}
