package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"jtel.de/presencebridge/internal/check"
)

// marks of what a step came to, and their colours on a terminal.
var marks = map[check.State]struct{ mark, colour string }{
	check.OK:      {"√", "\x1b[32m"},
	check.Warning: {"‼", "\x1b[33m"},
	check.Failed:  {"×", "\x1b[31m"},
	check.Unknown: {"?", "\x1b[36m"},
	check.Skipped: {"-", "\x1b[2m"},
}

// checkPrinter prints findings as they come: the heading of each group, a line
// for each step, and beneath it what to know if it is not well.
type checkPrinter struct {
	out      io.Writer
	language check.Language
	json     bool
	width    int // of the terminal, 0 if it is none
	colours  bool

	group    string
	reason   string // of what was not tried, told last
	begun    bool
	findings []check.Finding
	counts   map[check.State]int
}

func newCheckPrinter(out io.Writer, l check.Language, output string) *checkPrinter {
	width := lineWidth(out)
	return &checkPrinter{
		out: out, language: l, json: output == outputJSON, width: width,
		colours: width > 0 && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb",
		counts:  map[check.State]int{}, findings: []check.Finding{},
	}
}

// begin shows on a terminal what is being tried.
func (p *checkPrinter) begin(title string) {
	if p.json || p.width == 0 {
		return
	}
	p.clear()
	fmt.Fprint(p.out, cut("… "+title, p.width-1))
	p.begun = true
}

// clear takes that line away.
func (p *checkPrinter) clear() {
	if p.begun {
		fmt.Fprint(p.out, "\r\x1b[K")
		p.begun = false
	}
}

func (p *checkPrinter) tell(f check.Finding) {
	p.findings = append(p.findings, f)
	p.counts[f.State]++
	if p.json {
		return
	}
	p.clear()
	if f.Group != p.group {
		if p.group != "" {
			fmt.Fprintln(p.out)
		}
		p.group = f.Group
		fmt.Fprintf(p.out, "%s\n%s\n", f.Group, strings.Repeat("-", utf8.RuneCountInString(f.Group)))
	}
	fmt.Fprintf(p.out, "%s %s\n", p.mark(f.State), f.Title)
	if f.State == check.OK {
		return
	}
	if f.State == check.Skipped { // the same reason is told once
		if f.Meaning != p.reason {
			p.line("", f.Meaning)
		}
		p.reason = f.Meaning
		return
	}
	p.line("label-tried", f.Tried)
	p.line("label-said", f.Said)
	p.line("label-means", f.Meaning)
	p.line("label-do", f.Advice)
	p.line("label-guide", fmt.Sprintf("%s, %s", f.Guide.Heading, f.Guide.Link))
}

func (p *checkPrinter) mark(s check.State) string {
	m := marks[s]
	if p.colours {
		return m.colour + m.mark + "\x1b[0m"
	}
	return m.mark
}

// line prints what stands beneath a step, its lines as wide as the terminal.
func (p *checkPrinter) line(label, text string) {
	if text == "" {
		return
	}
	if label != "" {
		text = p.language.Text(label) + p.language.Colon() + text
	}
	const indent = "    "
	for i, row := range wrap(text, p.width-len(indent)-2) {
		if i > 0 {
			row = "  " + row
		}
		fmt.Fprintf(p.out, "%s%s\n", indent, row)
	}
}

// wrap breaks between words; a width below 20 breaks nothing.
func wrap(text string, width int) (rows []string) {
	if width < 20 {
		return []string{text}
	}
	row := ""
	for _, word := range strings.Fields(text) {
		if row != "" && utf8.RuneCountInString(row)+1+utf8.RuneCountInString(word) > width {
			rows, row = append(rows, row), ""
		}
		if row != "" {
			row += " "
		}
		row += word
	}
	return append(rows, row)
}

// end prints the summary; an error means that something failed.
func (p *checkPrinter) end() error {
	p.clear()
	failed := p.counts[check.Failed]
	if p.json {
		if err := printJSON(p.out, map[string]any{"ok": failed == 0, "findings": p.findings}); err != nil {
			return err
		}
	} else {
		count := p.language.Text("print.count", p.counts[check.OK], p.counts[check.Warning], failed, p.counts[check.Unknown], p.counts[check.Skipped])
		switch {
		case failed > 0:
			fmt.Fprintf(p.out, "\n%s %s\n", p.mark(check.Failed), count)
		case p.counts[check.Unknown]+p.counts[check.Skipped] > 0: // not everything was tried
			fmt.Fprintf(p.out, "\n%s %s: %s\n", p.mark(check.OK), p.language.Text("print.nothing-failed"), count)
		default:
			fmt.Fprintf(p.out, "\n%s %s: %s\n", p.mark(check.OK), p.language.Text("print.good"), count)
		}
	}
	if failed > 0 {
		return errors.New(p.language.Text("print.bad", failed, len(p.findings)))
	}
	return nil
}
