package graph

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

func TestClassify(t *testing.T) {
	answer := func(status int, message string) error { return &Error{Status: status, Message: message} }
	for _, tt := range []struct {
		err  error
		want Class
	}{
		{answer(400, "Subscription validation request failed. Notification endpoint must respond with 200 OK to validation request."), Transient},
		{answer(400, "Subscription validation request timed out."), Transient},
		{answer(400, "Operation: Create; Exception: [Status Code: BadRequest; Reason: Unsupported workload.]"), Invalid},
		{answer(400, "Operation: Delete; Exception: [Status Code: NotFound; Reason: Not Found]"), NotFound},
		{answer(401, "Access token has expired or is not yet valid."), Unauthorized},
		{answer(403, "Insufficient privileges to complete the operation."), Operator},
		{answer(404, "The object was not found."), NotFound},
		{answer(405, ""), Invalid},
		{answer(408, ""), Transient},
		{answer(409, "A subscripton already exists."), Conflict},
		{answer(410, ""), NotFound},
		{answer(412, ""), Invalid},
		{answer(413, ""), Invalid},
		{answer(422, ""), Invalid},
		{answer(429, ""), Throttled},
		{answer(500, ""), Transient},
		{answer(502, ""), Transient},
		{answer(503, ""), Transient},
		{answer(504, ""), Transient},
		{&SignInError{AADSTS: 50126, Permanent: true}, Operator},
		{&SignInError{AADSTS: 90033}, Transient},
		{io.ErrUnexpectedEOF, Transient},
		{context.DeadlineExceeded, Transient},
	} {
		if got := Classify(fmt.Errorf("renew subscription: %w", tt.err)); got != tt.want {
			t.Errorf("%v: %v, want %v", tt.err, got, tt.want)
		}
	}
}

func TestErrorTexts(t *testing.T) {
	err := &Error{Status: 429, Code: "TooManyRequests", Message: "slow down", RequestID: "r-1", RetryAfter: 3 * time.Second, Err: io.EOF}
	if got, want := err.Error(), "graph answered 429 TooManyRequests: slow down (request-id r-1)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if RetryAfter(fmt.Errorf("read: %w", err)) != 3*time.Second || RetryAfter(io.EOF) != 0 || !errors.Is(err, io.EOF) {
		t.Error("retry-after or cause lost")
	}
	refusal := &SignInError{Who: "app 24d3b144", AADSTS: 7000222, Meaning: "the client secret has expired", Advice: "make a new one"}
	if got := refusal.Error(); !strings.Contains(got, "AADSTS7000222") || !strings.HasSuffix(got, "; make a new one") {
		t.Errorf("got %q", got)
	}
	if got := Class(99).String() + Operator.String(); got != "class 99operator" {
		t.Errorf("got %q", got)
	}
}

func TestStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	if Stopped(ctx, context.Canceled) {
		t.Error("a running context has not stopped")
	}
	cancel()
	if !Stopped(ctx, fmt.Errorf("list: %w", context.Canceled)) || Stopped(ctx, io.EOF) {
		t.Error("stopped is told by the context and the error together")
	}
}
