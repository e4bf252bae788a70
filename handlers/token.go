package handlers

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"strings"
	"sync"

	"github.com/labstack/echo/v4"
)

// Token is what operators present as a bearer token. It may be replaced at any
// time; what was asked for with the one before is then cut off.
type Token struct {
	mu   sync.Mutex
	hash [sha256.Size]byte
	good context.Context // until it is replaced
	end  context.CancelFunc
}

// NewToken takes the text of a token, without the blanks around it: a header
// cannot carry those.
func NewToken(text string) *Token {
	t := &Token{end: func() {}}
	t.Replace(text)
	return t
}

// Replace makes text count instead. The same text changes nothing.
func (t *Token) Replace(text string) {
	hash := sha256.Sum256([]byte(strings.TrimSpace(text)))
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.good != nil && hash == t.hash {
		return
	}
	t.end()
	t.hash = hash
	t.good, t.end = context.WithCancel(context.Background())
}

// accepts compares hashes, so that neither content nor length shows in the time
// it takes. The context ends when the token is replaced.
func (t *Token) accepts(header string) (context.Context, bool) {
	scheme, given, _ := strings.Cut(header, " ")
	got := sha256.Sum256([]byte(given))
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.good, strings.EqualFold(scheme, "Bearer") && given != "" && subtle.ConstantTimeCompare(got[:], t.hash[:]) == 1
}

// bearer asks for the token, except where an orchestrator probes and for the
// files of the page.
func bearer(token *Token) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			switch c.Path() {
			case "/healthz", "/readyz", pageRoot, pagePath:
				return next(c)
			}
			good, accepted := token.accepts(c.Request().Header.Get(echo.HeaderAuthorization))
			if !accepted {
				c.Response().Header().Set(echo.HeaderWWWAuthenticate, "Bearer")
				return echo.ErrUnauthorized
			}
			return within(good, c, next)
		}
	}
}

// within answers for no longer than a context lasts.
func within(good context.Context, c echo.Context, next echo.HandlerFunc) error {
	r := c.Request()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(good, cancel)()
	c.SetRequest(r.WithContext(ctx))
	return next(c)
}
