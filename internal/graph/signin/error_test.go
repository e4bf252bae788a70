package signin

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	msal "github.com/AzureAD/microsoft-authentication-library-for-go/apps/errors"
)

func callError(status int, body []byte) error {
	return msal.CallErr{
		Resp: &http.Response{StatusCode: status, Body: io.NopCloser(bytes.NewReader(body))},
		Err:  errors.New("reply status code"),
	}
}

func TestCodeIsFoundInTheText(t *testing.T) {
	for body, want := range map[string]int{
		`{"error":"invalid_grant","error_codes":[50126,1],"error_description":"AADSTS50034: x"}`: 50126,
		`{"error":"invalid_grant","error_description":"AADSTS50034: The user account"}`:          50034,
		`{"error":"invalid_grant","error_codes":[]}`:                                             0,
		`{"error":"invalid_grant","error_description":"AADSTS: none"}`:                           0,
	} {
		if s := describe("app x", callError(400, []byte(body))); s.AADSTS != want || !s.Permanent {
			t.Errorf("%s: %+v", body, s)
		}
	}
}

func TestUnreachableSaysTheSameEveryTime(t *testing.T) {
	refused := errors.New("connection refused")
	dial := func(port int) error {
		return &url.Error{Op: "Post", URL: "https://login.example/common/UserRealm/" + username, Err: &net.OpError{
			Op: "read", Net: "tcp", Source: &net.TCPAddr{Port: port}, Err: refused,
		}}
	}
	a, b := describe("app x", dial(40001)), describe("app x", dial(40002))
	if a.Error() != b.Error() || !errors.Is(a, refused) || strings.Contains(a.Unwrap().Error(), username) {
		t.Errorf("%v, %v, caused by %v", a, b, a.Unwrap())
	}
}

func FuzzDescribe(f *testing.F) {
	f.Add(400, []byte(refusalBody(50126, "invalid_grant")))
	f.Add(502, []byte("<html>"))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		s := describe("app x", callError(status, append([]byte(nil), body...)))
		if s.Meaning == "" || s.Advice == "" || s.Err == nil {
			t.Errorf("%+v", s)
		}
		if !s.Permanent && remember(s) != 0 {
			t.Errorf("%+v is remembered", s)
		}
	})
}
