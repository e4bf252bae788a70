package signin

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"jtel.de/presencebridge/internal/graph"
)

// issuing is an issuer made of a function. These tests are about who waits for
// whom, which a bubble of testing/synctest shows exactly and a network does not.
type issuing func(context.Context) (azcore.AccessToken, error)

func (f issuing) issue(ctx context.Context, _ policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return f(ctx)
}

func good(token string) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: token, ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// ask calls GetToken n times at once and gives the errors.
func ask(ctx context.Context, c *Credential, n int) chan error {
	errs := make(chan error, n)
	for range n {
		go func() {
			_, err := c.GetToken(ctx, question)
			errs <- err
		}()
	}
	synctest.Wait() // all of them wait
	return errs
}

func TestConcurrentCallsMakeOneSignIn(t *testing.T) {
	for name, outcome := range map[string]error{"success": nil, "outage": errors.New("no answer")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				answer, signIns := make(chan struct{}), 0
				c := newCredential("app x", issuing(func(context.Context) (azcore.AccessToken, error) {
					signIns++
					<-answer
					if outcome != nil {
						return azcore.AccessToken{}, outcome
					}
					return good("token")
				}), Options{})
				errs := ask(t.Context(), c, 20)
				close(answer)
				for range cap(errs) {
					if err := <-errs; (err == nil) != (outcome == nil) {
						t.Error(err)
					}
				}
				if signIns != 1 {
					t.Errorf("%d sign-ins", signIns)
				}
			})
		})
	}
}

func TestACallerThatGivesUpFailsNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		signIns := 0
		c := newCredential("app x", issuing(func(ctx context.Context) (azcore.AccessToken, error) {
			if signIns++; signIns == 1 {
				<-ctx.Done()
				return azcore.AccessToken{}, ctx.Err()
			}
			return good("token")
		}), Options{})
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		first := ask(short, c, 1)
		rest := ask(t.Context(), c, 19)
		if err := <-first; !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		for range cap(rest) {
			if err := <-rest; err != nil {
				t.Error(err)
			}
		}
		if signIns != 2 {
			t.Errorf("%d sign-ins", signIns)
		}
	})
}

func TestWaitingCallerLeavesWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := make(chan struct{})
		c := newCredential("app x", issuing(func(context.Context) (azcore.AccessToken, error) {
			<-answer
			return good("token")
		}), Options{})
		first := ask(t.Context(), c, 1)
		ctx, cancel := context.WithCancel(t.Context())
		waiting := ask(ctx, c, 1)
		cancel()
		if err := <-waiting; !graph.Stopped(ctx, err) {
			t.Errorf("error %v does not say that we stop", err)
		}
		close(answer)
		if err := <-first; err != nil {
			t.Error(err)
		}
	})
}

func TestAnswersFromBeforeAResetAreNotKept(t *testing.T) {
	for name, outcome := range map[string]error{"token": nil, "refusal": callError(400, []byte(refusalBody(50126, "invalid_grant")))} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				answer, signIns := make(chan struct{}), 0
				c := newCredential("app x", issuing(func(context.Context) (azcore.AccessToken, error) {
					if signIns++; signIns > 1 {
						return good("after")
					}
					<-answer
					if outcome != nil {
						return azcore.AccessToken{}, outcome
					}
					return good("before")
				}), Options{})
				first := ask(t.Context(), c, 1)
				c.Reset()
				close(answer)
				if err := <-first; (err == nil) != (outcome == nil) {
					t.Error(err)
				}
				if got, err := c.GetToken(t.Context(), question); err != nil || got.Token != "after" {
					t.Errorf("%q, %v", got.Token, err)
				}
			})
		})
	}
}
