package sdk

import (
	"fmt"
	"net/http"

	khttp "github.com/microsoft/kiota-http-go"
)

// fence is the last thing that a request passes: whatever it waited for before,
// a turn, a token, a stopped process, it goes out only if its sender still may.
type fence struct{ check func() error }

// Intercept implements khttp.Middleware.
func (f fence) Intercept(next khttp.Pipeline, i int, r *http.Request) (*http.Response, error) {
	if f.check != nil {
		if err := f.check(); err != nil {
			return nil, fmt.Errorf("%s not sent: %w", r.Method, err)
		}
	}
	return next.Next(r, i)
}
