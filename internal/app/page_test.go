//go:build browser

package app_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/graphsim"
)

const isLive = "document.querySelector('#link').dataset.state === 'live'"

// page starts the service and opens its page.
func (b *bridge) page(query string) *browser {
	b.t.Helper()
	b.start(false)
	b.covered()
	b.settled()
	page := openBrowser(b.t)
	page.open("http://" + b.addresses.Admin + "/" + query)
	page.eventually("connection", isLive)
	return page
}

// A change is on the page because it is pushed: nothing asks for it.
func TestPageFollowsAChange(t *testing.T) {
	b := newBridge(t, graphsim.Options{}, nil)
	b.sim.PutUser(graphsim.User{UserPrincipalName: "mark@contoso.com", DisplayName: `<img src=x onerror="alert(1)">`})
	page := b.page("?lang=en")
	name := b.sim.Tenant().Users[0].DisplayName
	page.eventually("everybody", "document.querySelectorAll('#people tr:not(.gap)').length === 6")
	page.eventually("a name that looks like markup, as text", row(`<img src=x onerror="alert(1)">`))
	mark := page.mark()
	for _, change := range []struct{ availability, activity, group, word string }{
		{"Busy", "InACall", "busy", "In a call"},
		{"DoNotDisturb", "Presenting", "dnd", "Presenting"},
		{"Available", "Available", "available", "Available"},
		{"Away", "BeRightBack", "away", "Be right back"},
	} {
		b.set(b.user(0), change.availability, change.activity)
		page.eventually(change.word, fmt.Sprintf("(() => { const p = %s?.querySelector('.presence'); return p?.innerText.startsWith(%q) && p.dataset.group === %q; })()", row(name), change.word, change.group))
	}
	if n := page.asked(mark, "GET /api/v1/presence"); n != 0 {
		t.Errorf("people were asked for %d times", n)
	}
	if n := page.asked(0, "GET /api/v1/events"); n != 1 {
		t.Errorf("the stream was opened %d times", n)
	}
	page.value(row(name) + ".querySelector('.who').id = 'chosen'")
	page.run("details", chromedp.Click("#chosen", chromedp.ByQuery), chromedp.WaitVisible("#person-facts", chromedp.ByQuery))
	page.eventually("why", "document.querySelector('#person-trail').innerText.includes('published') && document.querySelector('#person-trail').innerText.includes('on NATS after')")
	if text := page.text("#person"); !strings.Contains(text, "Object id") || !strings.Contains(text, "@") {
		t.Errorf("details: %s", text)
	}
	page.run("close", chromedp.KeyEvent(kb.Escape), chromedp.WaitNotVisible("#person", chromedp.ByQuery))

	// Who leaves is gone, whoever comes is there, without a look at the list.
	b.sim.RemoveUser(b.user(4))
	b.sim.PutUser(graphsim.User{UserPrincipalName: "new@contoso.com", DisplayName: "Somebody New"})
	b.reload <- nil
	page.eventually("who came", row("Somebody New"))
	page.eventually("six people", "document.querySelectorAll('#people tr:not(.gap)').length === 6")
	if n := page.asked(mark, "GET /api/v1/presence"); n != 0 {
		t.Errorf("people were asked for %d times", n)
	}
}

// Everything can be done with the keyboard; each button asks first and tells what came of it.
func TestPageButtons(t *testing.T) {
	b := newBridge(t, graphsim.Options{}, nil)
	page := b.page("?lang=en")
	renewals := func() int {
		return b.requests(func(r graphsim.Request) bool { return r.Method == http.MethodPatch && r.Status == http.StatusOK })
	}
	before := renewals()
	press := func(selector string) {
		t.Helper()
		// The table may be drawn anew at any time; it keeps the focus.
		page.eventually(selector, fmt.Sprintf("(() => { const e = document.querySelector(%q); e?.focus(); return e && document.activeElement === e; })()", selector))
		page.run(selector, chromedp.KeyEvent(kb.Enter))
	}
	press("button[data-action=renew]")
	page.run("cancel", chromedp.WaitVisible("#confirm", chromedp.ByQuery), chromedp.KeyEvent(kb.Escape), chromedp.WaitNotVisible("#confirm", chromedp.ByQuery))
	if renewals() != before || page.asked(0, "POST") != 0 {
		t.Error("renewed although nobody confirmed")
	}
	press("button[data-action=renew]")
	press("#confirm-yes")
	page.eventually("the outcome", "document.querySelector('#notice').innerText.startsWith('Renewed: it ends in ')")
	if renewals() != before+1 {
		t.Errorf("%d renewals", renewals()-before)
	}

	id := b.sim.Subscriptions()[0].ID
	press("button[data-action=recreate]")
	press("#confirm-yes")
	page.eventually("the outcome", "document.querySelector('#notice').innerText.startsWith('Made anew: it ends in ')")
	if list := b.sim.Subscriptions(); len(list) != 1 || list[0].ID == id {
		t.Errorf("subscriptions %s", pretty(list))
	}

	press("#sweep")
	press("#confirm-yes")
	page.eventually("the outcome", "document.querySelector('#notice').innerText === 'Everybody has been read: 5 people.'")

	// What fails says why, and so does the top of the page.
	b.sim.SetFaults(graphsim.Faults{Refuse: []graphsim.Refusal{{Method: http.MethodPatch, Path: "/subscriptions/", Status: http.StatusForbidden, Message: "Not today."}}})
	press("button[data-action=renew]")
	press("#confirm-yes")
	page.eventually("the trouble", "document.querySelector('#notice').innerText.startsWith('That did not work: graph answered 403') && document.querySelector('#notice').innerText.includes('Not today.')")
	page.eventually("what to do", "document.querySelector('#attention-list').innerText.includes('failing') && document.querySelector('#attention-list').innerText.includes('Presence.Read.All')")
}

// A session that has ended says so, and goes on where it was once there is a token.
func TestPageSession(t *testing.T) {
	token := withToken(t)
	admin := freeAddress(t)
	b := newBridge(t, graphsim.Options{}, func(c *config.Config) {
		token(c)
		c.Listen.Admin = admin
	})
	b.start(false)
	b.covered()
	b.settled()
	page := openBrowser(t)
	page.allow("status of 401", "net::ERR_")
	page.open("http://" + b.addresses.Admin + "/?lang=en")
	signIn := func(token string) {
		t.Helper()
		page.run("sign in", chromedp.WaitVisible("#token", chromedp.ByQuery), chromedp.Evaluate("document.querySelector('#token').value = ''", nil),
			chromedp.SendKeys("#token", token+kb.Enter, chromedp.ByQuery))
	}
	page.eventually("the question", "document.querySelector('#signin').open && document.querySelector('#signin-text').innerText.includes('asks for its access token')")
	if text := page.text("#people"); strings.Contains(text, "Agent") {
		t.Errorf("shown without a token: %s", text)
	}
	signIn("wrong")
	page.eventually("the refusal", "document.querySelector('#signin-text').innerText === 'This token is not accepted.'")
	signIn(apiToken)
	page.eventually("connection", isLive)
	page.eventually("everybody", "document.querySelectorAll('#people tr:not(.gap)').length === 5")
	if left := page.value("JSON.stringify([location.href, document.cookie, {...localStorage}])").(string); strings.Contains(left, apiToken) {
		t.Errorf("the token is kept where it should not be: %s", left)
	}

	const next = "the next token"
	b.halt()
	page.eventually("loss of the connection", "document.querySelector('#link').dataset.state !== 'live'")
	file := config.SecretFile(writeFile(t, next))
	b.change = func(c *config.Config) { c.Listen.Admin, c.Listen.AdminToken = admin, file }
	b.start(false)
	page.eventually("the end of the session", "document.querySelector('#signin').open && document.querySelector('#signin-text').innerText.startsWith('The session has ended')")
	b.set(b.user(0), "Busy", "InACall")
	signIn(next)
	page.eventually("connection", isLive)
	page.eventually("what changed meanwhile", row(b.sim.Tenant().Users[0].DisplayName)+".innerText.includes('In a call')")
	page.run("sign out", chromedp.Click("#leave", chromedp.ByQuery))
	page.eventually("the question", "document.querySelector('#signin')?.open && !sessionStorage.length")
}

func writeFile(t *testing.T, text string) string {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	return f.Name()
}

// However many people there are, the browser holds those that can be seen, and
// a change of anybody else costs it nothing.
func TestPageOfFiveThousand(t *testing.T) {
	b := newBridge(t, graphsim.Options{People: 5000}, func(c *config.Config) {
		c.Tenants[0].Mode = config.ModePoll
		c.Tenants[0].Sweep.FastInterval = time.Hour // only when it is asked for
	})
	b.start(false)
	page := openBrowser(t)
	page.open("http://" + b.addresses.Admin + "/?lang=en")
	page.eventually("connection", isLive)
	page.eventually("everybody", "document.querySelector('#count').innerText === '5,000 of 5,000 people'")
	page.eventually("a state of everybody", "document.querySelector('.chip[data-group=unknown]').hidden")
	const rows = "document.querySelectorAll('#people tr').length"
	page.eventually("first row", rows+" > 10")
	few := func(when string) {
		t.Helper()
		if n := page.value(rows).(float64); n > 60 {
			t.Errorf("%v rows exist %s", n, when)
		}
	}
	few("at first")
	page.value("document.querySelector('#scroller').scrollTop = 1e9")
	users := b.sim.Tenant().Users
	last := users[len(users)-1]
	page.eventually("the last person", "document.querySelector('#people tr:nth-last-child(2)')?.getAttribute('aria-rowindex') === '5001'")
	few("at the end")

	// At the end of the list nothing happens while a hundred people at its beginning change.
	page.value("window.touched = 0; new MutationObserver((l) => { window.touched += l.filter((m) => m.type === 'childList').length; }).observe(document.querySelector('#people'), { childList: true }); 0")
	first := page.text("#people tr:nth-child(2) b")
	for _, u := range users[:100] {
		b.set(u.ID, "Busy", "InACall")
	}
	if status, body := b.ask("POST", "/api/v1/sweep"); status != http.StatusAccepted {
		t.Fatalf("sweep: %d %s", status, body)
	}
	page.eventually("a hundred changes", "document.querySelector('.chip[data-group=busy] b').innerText === '100'")
	if n := page.value("window.touched"); n != 0.0 {
		t.Errorf("%v rows were made or moved", n)
	}
	if now := page.text("#people tr:nth-child(2) b"); now != first {
		t.Errorf("the list has moved from %s to %s", first, now)
	}
	page.run("search", chromedp.SendKeys("#search", last.Mail, chromedp.ByQuery))
	page.eventually("one person", "document.querySelector('#count').innerText === '1 of 5,000 people'")
	page.run("clear", chromedp.Evaluate("document.querySelector('#search').value = ''", nil), chromedp.SendKeys("#search", "agent", chromedp.ByQuery),
		chromedp.Click(".chip[data-group=busy]", chromedp.ByQuery))
	page.eventually("the busy", "document.querySelector('#count').innerText === '100 of 5,000 people'")
	few("after the search")
}

// It reads in three languages, on a phone, in the dark, and by a screen reader.
func TestPageForEverybody(t *testing.T) {
	b := newBridge(t, graphsim.Options{}, nil)
	page := b.page("")
	keys := page.value("import('/page/text.js').then(({ texts }) => { const all = Object.values(texts).map((t) => Object.keys(t).sort().join('\\n')); return all.every((k) => k === all[0]) && all.length === 3; })")
	if keys != true {
		t.Error("the languages have different keys")
	}
	empty := page.value("import('/page/text.js').then(({ texts }) => Object.values(texts).flatMap((t) => Object.entries(t)).filter(([, v]) => !v).length)")
	if empty != 0.0 {
		t.Errorf("%v texts are empty", empty)
	}
	const everything = "document.querySelectorAll('#people tr:not(.gap)').length === 5 && document.querySelector('#tiles dd') && document.querySelector('#subscriptions button')"
	const agent = "Mozilla/5.0 (X11; Linux x86_64) Chrome"
	for language, title := range map[string]string{"de-DE": "Was Aufmerksamkeit braucht", "fr-CA,fr": "À surveiller", "en-US": "What needs attention", "it-IT": "What needs attention"} {
		for _, width := range []int64{1400, 390, 320} {
			page.run(language, emulation.SetUserAgentOverride(agent).WithAcceptLanguage(language),
				emulation.SetDeviceMetricsOverride(width, 800, 1, width < 500), chromedp.Reload())
			page.eventually("connection", isLive)
			page.eventually("rows", everything)
			if is := page.text("#attention-title"); is != title {
				t.Errorf("%s: %s", language, is)
			}
			if wide := page.value("document.documentElement.scrollWidth").(float64); wide > float64(width) {
				t.Errorf("%s: %v wide in %d", language, wide, width)
			}
			if lang := page.value("document.documentElement.lang").(string); !strings.HasPrefix(language, lang) && language != "it-IT" {
				t.Errorf("%s: the document says %s", language, lang)
			}
		}
	}
	shade := func(scheme string) any {
		page.run(scheme, emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}))
		return page.value("getComputedStyle(document.body).backgroundColor")
	}
	if light, dark := shade("light"), shade("dark"); light == dark {
		t.Errorf("light and dark are both %v", light)
	}
	// Pages that one has left hold no connection, of which a browser has six.
	for i := range 8 {
		page.open(fmt.Sprintf("http://%s/?n=%d", b.addresses.Admin, i))
		page.eventually("connection", isLive)
	}
	page.eventually("rows", everything)
	page.run("names", emulation.SetDeviceMetricsOverride(1400, 800, 1, false), chromedp.ActionFunc(page.everythingHasAName))
	page.run("tab", chromedp.Reload())
	page.eventually("connection", isLive)
	page.run("tab", chromedp.KeyEvent(kb.Tab))
	if is := page.value("document.activeElement.className + ' ' + getComputedStyle(document.activeElement).outlineStyle"); is != "skip solid" {
		t.Errorf("the first stop of the keyboard is %v", is)
	}
	page.run("skip", chromedp.KeyEvent(kb.Enter))
	page.eventually("the way to the people", "document.activeElement.id === 'people-title'")
	if n := page.value("[...document.querySelectorAll('[aria-live], [role=status], [role=alert]')].filter((e) => e.querySelector('table')).length"); n != 0.0 {
		t.Errorf("%v tables speak by themselves", n)
	}
}

// everythingHasAName asks the browser what a screen reader gets. The library's own
// types know fewer values than the browser has.
func (b *browser) everythingHasAName(ctx context.Context) error {
	type text struct {
		Value any `json:"value"`
	}
	var tree struct {
		Nodes []struct {
			Ignored bool `json:"ignored"`
			Role    text `json:"role"`
			Name    text `json:"name"`
		} `json:"nodes"`
	}
	if err := chromedp.FromContext(ctx).Target.Execute(ctx, "Accessibility.getFullAXTree", nil, &tree); err != nil {
		return err
	}
	seen := map[string]int{}
	for _, n := range tree.Nodes {
		if n.Ignored {
			continue
		}
		role, _ := n.Role.Value.(string)
		seen[role]++
		switch role {
		case "button", "searchbox", "textbox", "combobox", "link", "img", "image", "region", "dialog", "columnheader":
			if name, _ := n.Name.Value.(string); name == "" {
				b.t.Errorf("a %s has no name", role)
			}
		}
	}
	for role, least := range map[string]int{"table": 2, "columnheader": 10, "row": 7, "heading": 8, "button": 8, "searchbox": 1, "banner": 1, "main": 1} {
		if seen[role] < least {
			b.t.Errorf("%d of role %s, want %d; all: %v", seen[role], role, least, seen)
		}
	}
	return nil
}
