//go:build browser

package app_test

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// browser is a real one that shows the page. It needs Debian's chromium, hence
// the build tag; scripts/check installs it. What the page asks for and whatever
// the console says is kept.
type browser struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	requests []string // method and path, in order
	said     []string // by the console, errors and violations of the policy
	allowed  func(string) bool
}

func openBrowser(t *testing.T, options ...chromedp.ExecAllocatorOption) *browser {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("%v; install it: apt-get install chromium", err)
	}
	dir := t.TempDir()
	options = append([]chromedp.ExecAllocatorOption{
		chromedp.ExecPath(program), chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.Headless, chromedp.UserDataDir(dir),
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("lang", "en-GB"), chromedp.Env("LANGUAGE=en_GB"), chromedp.WindowSize(1400, 1000), chromedp.WSURLReadTimeout(time.Minute),
	}, options...)
	starting, stop := chromedp.NewExecAllocator(context.Background(), options...)
	// The library complains about events that are newer than it is; what fails is an error anyway.
	ctx, closeTab := chromedp.NewContext(starting, chromedp.WithErrorf(func(string, ...any) {}))
	t.Cleanup(func() {
		closeTab()
		stop()
	})
	b := &browser{t: t, ctx: ctx, allowed: func(string) bool { return false }}
	chromedp.ListenTarget(ctx, b.hear)
	b.run("start", network.Enable(), runtime.Enable(), log.Enable())
	t.Cleanup(b.mustBeQuiet)
	return b
}

// hear keeps what happens in the browser.
func (b *browser) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		_, path, _ := strings.Cut(strings.TrimPrefix(e.Request.URL, "http://"), "/")
		b.requests = append(b.requests, e.Request.Method+" /"+path)
	case *runtime.EventExceptionThrown:
		b.said = append(b.said, e.ExceptionDetails.Error())
	case *runtime.EventConsoleAPICalled:
		b.said = append(b.said, fmt.Sprint("console.", e.Type))
	case *log.EventEntryAdded:
		b.said = append(b.said, fmt.Sprintf("%s: %s %s", e.Entry.Level, e.Entry.Text, e.Entry.URL))
	}
}

// mustBeQuiet: no error, no warning, no violation of the policy was reported.
func (b *browser) mustBeQuiet() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, line := range b.said {
		if !b.allowed(line) {
			b.t.Errorf("the console says: %s", line)
		}
	}
}

// asked counts the requests that were made since mark.
func (b *browser) asked(mark int, prefix string) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.requests[mark:] {
		if strings.HasPrefix(r, prefix) {
			n++
		}
	}
	return n
}

func (b *browser) mark() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.requests)
}

func (b *browser) run(what string, actions ...chromedp.Action) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	// The first run starts the browser, which must outlive this one's deadline.
	if chromedp.FromContext(b.ctx).Browser == nil {
		ctx = b.ctx
	}
	if err := chromedp.Run(ctx, actions...); err != nil {
		b.t.Fatalf("%s: %v\nthe page: %s\nthe console: %v", what, err, b.text("body"), b.said)
	}
}

func (b *browser) open(url string) {
	b.t.Helper()
	b.run("open "+url, chromedp.Navigate(url))
}

// value of an expression.
func (b *browser) value(expression string) (v any) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	wait := func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }
	if err := chromedp.Run(ctx, chromedp.Evaluate(expression, &v, wait)); err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

func (b *browser) text(selector string) string {
	text, _ := b.value(fmt.Sprintf("document.querySelector(%q)?.innerText ?? ''", selector)).(string)
	return text
}

// eventually waits for an expression to be true.
func (b *browser) eventually(what, expression string) {
	b.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if b.value("Boolean("+expression+")") == true {
			return
		}
		if time.Now().After(end) {
			b.t.Fatalf("no %s in time; the page:\n%s\nthe notice: %s\nthe console: %v", what, b.text("body"), b.text("#notice"), b.said)
		}
	}
}

// row gives an expression for the row of a person.
func row(name string) string {
	return fmt.Sprintf("[...document.querySelectorAll('#people tr')].find((r) => r.querySelector('b')?.textContent === %q)", name)
}

func (b *browser) allow(texts ...string) {
	b.allowed = func(line string) bool {
		return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(line, text) })
	}
}
