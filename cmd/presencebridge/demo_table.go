package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"

	"jtel.de/presencebridge/internal/demo"
)

const (
	enterScreen = "\x1b[?1049h\x1b[?25l" // alternate screen, no cursor
	leaveScreen = "\x1b[?25h\x1b[?1049l"
	home        = "\x1b[H"
	clearRest   = "\x1b[J"
	clearLine   = "\x1b[K"
	bold        = "\x1b[1m"
	dim         = "\x1b[2m"
	plain       = "\x1b[0m"
)

// tableView paints everybody's presence in place.
type tableView struct {
	out *os.File

	start demo.Started
	rows  map[string]demo.Observation
	begun time.Time
}

func newTableView(out *os.File) *tableView {
	return &tableView{out: out, rows: map[string]demo.Observation{}}
}

func (v *tableView) started(s demo.Started) {
	v.start, v.begun = s, time.Now()
	fmt.Fprint(v.out, enterScreen)
}

func (v *tableView) observe(o demo.Observation) { v.rows[o.UserID] = o }

func (v *tableView) close() {
	if !v.begun.IsZero() {
		fmt.Fprint(v.out, leaveScreen)
	}
}

// tick paints the whole screen in one write, so that nothing flickers.
func (v *tableView) tick(t demo.Totals) {
	if v.begun.IsZero() {
		return
	}
	width, height, err := term.GetSize(int(v.out.Fd()))
	if err != nil || width < 20 || height < 5 {
		width, height = 80, 24
	}
	var b bytes.Buffer
	b.WriteString(home)
	line := func(style, text string) {
		b.WriteString(style + cut(text, width) + plain + clearLine + "\r\n")
	}
	line(bold, fmt.Sprintf("Presence Bridge  %s  made %d  received %d  under way %d  p50 %s  p99 %s",
		time.Since(v.begun).Round(time.Second), t.Made, t.Received, t.Missing, milliseconds(t.P50), milliseconds(t.P99)))
	line(plain, fmt.Sprintf("status page http://%s/", v.start.Admin))
	line(dim, fmt.Sprintf("nats %s   callback https://%s   seed %d   Ctrl-C ends", v.start.NATS, v.start.Callback, v.start.Seed))
	line(bold, fmt.Sprintf("%-16s %-26s %8s %10s  %s", "who", "presence", "since", "latency", "origin"))
	people := v.start.People
	room := max(height-5, 1)
	for _, p := range people[:min(len(people), room)] {
		o, known := v.rows[p.ID]
		if !known {
			line(dim, cut(p.Name, 16))
			continue
		}
		delay := ""
		if o.Paired {
			delay = milliseconds(o.Delay)
		}
		name, state := pad(cut(p.Name, 16), 16), pad(cut(words(o), 26), 26)
		line("", fmt.Sprintf("%s %s%s%s %8s %10s  %s", name, colour(o.Availability), state, plain,
			time.Since(o.At).Round(time.Second), delay, o.Origin))
	}
	if more := len(people) - room; more > 0 {
		b.WriteString(dim + cut(fmt.Sprintf("and %d more: a taller window shows them", more), width) + plain + clearLine)
	}
	b.WriteString(clearRest)
	v.out.Write(b.Bytes())
}

// words are one word where availability and activity say the same.
func words(o demo.Observation) string {
	if strings.EqualFold(o.Availability, o.Activity) {
		return "● " + o.Availability
	}
	return "● " + o.Availability + " / " + o.Activity
}

// colour is that of the dot in Teams.
func colour(availability string) string {
	switch strings.ToLower(availability) {
	case "available", "availableidle":
		return "\x1b[32m"
	case "busy", "busyidle", "donotdisturb", "inacall", "inameeting", "presenting", "focusing":
		return "\x1b[31m"
	case "away", "berightback":
		return "\x1b[33m"
	}
	return dim
}

// cut shortens to n characters, not counting what only sets colours.
func cut(text string, n int) string {
	seen := 0
	for i := 0; i < len(text); {
		if text[i] == '\x1b' {
			if end := strings.IndexByte(text[i:], 'm'); end >= 0 {
				i += end + 1
				continue
			}
		}
		if seen == n {
			return text[:i]
		}
		_, size := utf8.DecodeRuneInString(text[i:])
		i += size
		seen++
	}
	return text
}

func pad(text string, n int) string {
	return text + strings.Repeat(" ", max(n-utf8.RuneCountInString(text), 0))
}
