package sdk

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	abs "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoftgraph/msgraph-sdk-go/models/odataerrors"

	"jtel.de/presencebridge/internal/graph"
)

// ours makes our error of the SDK's. Addresses go, since those of the directory
// hold names and mail addresses.
func ours(err error) error {
	if s, ok := errors.AsType[*graph.SignInError](err); ok {
		return s
	}
	if o, ok := errors.AsType[*odataerrors.ODataError](err); ok {
		e := &graph.Error{Status: o.GetStatusCode(), Err: o}
		e.RetryAfter, _ = retryAfter(header(o.GetResponseHeaders()), time.Now())
		if m := o.GetErrorEscaped(); m != nil {
			e.Code, e.Message = value(m.GetCode()), value(m.GetMessage())
			if inner := m.GetInnerError(); inner != nil {
				e.RequestID = value(inner.GetRequestId())
			}
		}
		return e
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

func header(from *abs.ResponseHeaders) http.Header {
	h := http.Header{}
	if from != nil {
		for _, v := range from.Get("Retry-After") {
			h.Set("Retry-After", v)
		}
	}
	return h
}

// notFound is an answer of Graph that names nobody where one was asked for.
func notFound(message string) error {
	return &graph.Error{Status: http.StatusNotFound, Code: "NotFound", Message: message}
}

// ambiguous is one that names several. It stays until the directory changes.
func ambiguous(message string) error {
	return &graph.Error{Status: http.StatusBadRequest, Code: "Ambiguous", Message: message, Err: graph.ErrAmbiguous}
}

// without takes a name out of an error of Graph, also out of what it wraps.
func without(err error, name string) error {
	e, ok := errors.AsType[*graph.Error](err)
	if !ok || name == "" || !strings.Contains(e.Message, name) {
		return err
	}
	clean := *e
	clean.Message, clean.Err = strings.ReplaceAll(e.Message, name, "…"), nil
	return &clean
}
