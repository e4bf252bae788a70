package check

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"jtel.de/presencebridge/internal/graph"
)

// step is one thing to try. Its texts are catalogue[texts] and [texts+".tried"].
type step struct {
	id     string
	texts  string // empty is id
	title  []any  // fills in the title
	tried  []any  // fills in what was tried
	anchor string // of the guide, unless the outcome names another
	needs  []string
	within time.Duration // zero is half a minute
	do     func(context.Context) outcome
}

// outcome is what a step came to. Its texts are catalogue[key] and [key+".do"].
type outcome struct {
	state      State
	key        string
	args       []any
	said, code string
	anchor     string
	// meaning and advice replace those of key.
	meaning, advice string
	note            string // follows the title of what is well
}

func fine() outcome { return outcome{state: OK} }

func fail(key string, args ...any) outcome { return outcome{state: Failed, key: key, args: args} }
func warn(key string, args ...any) outcome { return outcome{state: Warning, key: key, args: args} }
func open(key string, args ...any) outcome { return outcome{state: Unknown, key: key, args: args} }
func pass(key string, args ...any) outcome { return outcome{state: Skipped, key: key, args: args} }

func (o outcome) saying(text string) outcome { o.said = text; return o }
func (o outcome) coded(code string) outcome  { o.code = code; return o }
func (o outcome) at(anchor string) outcome   { o.anchor = anchor; return o }

// subject is what a sequence of steps is about.
type subject struct {
	group           string // heading
	tenant, account string
	states          map[string]State  // of the steps so far
	titles          map[string]string // likewise
}

func (c *checker) subject(key string, args ...any) *subject {
	return &subject{group: c.text(key, args...), states: map[string]State{}, titles: map[string]string{}}
}

// take takes one step, unless one that it needs did not come off.
func (c *checker) take(ctx context.Context, s *subject, st step) State {
	if ctx.Err() != nil {
		return Skipped
	}
	st.texts = cmp.Or(st.texts, st.id)
	title := c.text(st.texts, st.title...)
	f := Finding{Step: st.id, Group: s.group, Tenant: s.tenant, Account: s.account, Title: title}
	if blocked := s.blocker(st.needs); blocked != "" {
		f.State, f.Guide = Skipped, c.guide(st.anchor)
		f.Meaning = c.text("not-tried", blocked)
	} else {
		if c.Begin != nil {
			c.Begin(title)
		}
		stepping, cancel := context.WithTimeout(ctx, cmp.Or(st.within, 30*time.Second))
		o := st.do(stepping)
		cancel()
		if ctx.Err() != nil { // interrupted: it says nothing about the set-up
			return Skipped
		}
		c.fill(&f, st, o)
	}
	s.states[st.id], s.titles[st.id] = f.State, title
	c.good = c.good && f.State != Failed
	c.tell(f)
	return f.State
}

// blocker is the title of the first step that is needed and did not come off.
func (s *subject) blocker(needs []string) string {
	for _, id := range needs {
		if state, taken := s.states[id]; taken && (state == Failed || state == Skipped) {
			return s.titles[id]
		}
	}
	return ""
}

func (c *checker) fill(f *Finding, st step, o outcome) {
	f.State, f.Said, f.Code = o.state, o.said, o.code
	f.Meaning, f.Advice = o.meaning, o.advice
	if o.key != "" && f.Meaning == "" {
		f.Meaning = c.text(o.key, o.args...)
	}
	if o.key != "" && f.Advice == "" && known(o.key+".do") {
		f.Advice = c.text(o.key+".do", o.args...)
	}
	if o.note != "" {
		f.Title += c.language.Colon() + o.note
	}
	if known(st.texts + ".tried") {
		f.Tried = c.text(st.texts+".tried", st.tried...)
	}
	f.Guide = c.guide(cmp.Or(o.anchor, st.anchor))
}

// graphOutcome says what an error of Graph or of a sign-in on the way means;
// denied is the outcome when a permission is missing. What must work and cannot be
// tried has failed; what need not is unknown.
func (c *checker) graphOutcome(err error, denied outcome) outcome {
	if s, ok := errors.AsType[*graph.SignInError](err); ok {
		return c.signInOutcome(s)
	}
	g, ok := errors.AsType[*graph.Error](err)
	if !ok {
		return fail("graph.unreachable").saying(err.Error()).at("firewall")
	}
	said := fmt.Sprintf("%d %s: %s", g.Status, g.Code, g.Message)
	if g.RequestID != "" {
		said += " (request-id " + g.RequestID + ")"
	}
	o := fail("graph.refused")
	switch g.Class() {
	case graph.Operator:
		o = denied
	case graph.Throttled, graph.Transient:
		if o = fail("graph.busy"); denied.state == Unknown {
			o.state = Unknown
		}
	case graph.Unauthorized:
		o = fail("graph.token").at("machine")
	}
	return o.saying(said).coded(fmt.Sprint(g.Status))
}
