package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/term"
)

// Values of --output.
const (
	outputText = "text"
	outputJSON = "json"
)

// printJSON prints for programs, indented for people.
func printJSON(out io.Writer, v any) error {
	if err := json.MarshalWrite(out, v, jsontext.WithIndent("  "), json.Deterministic(true)); err != nil {
		return err
	}
	_, err := fmt.Fprintln(out)
	return err
}

// table prints rows in columns. On a terminal the widest columns give way until
// a row fits; elsewhere nothing is cut.
type table struct {
	indent string
	head   []string // may be empty
	rows   [][]string
	whole  bool // columns go to a line of their own rather than to be cut: something in them is to be copied
}

const (
	gap       = 2
	narrowest = 8 // no column gives way beyond this
)

func (t table) print(out io.Writer) error {
	_, err := io.WriteString(out, t.text(lineWidth(out)))
	return err
}

// text is the table for lines of most characters, 0 for any.
func (t table) text(most int) string {
	rows := t.rows
	if len(t.head) > 0 {
		rows = append([][]string{t.head}, rows...)
	}
	give := most
	if t.whole {
		give = 0
	}
	widths := t.widths(rows, give)
	var b strings.Builder
	for _, row := range rows {
		line := t.indent
		for i, text := range row {
			text = printable(text)
			if utf8.RuneCountInString(text) > widths[i] {
				text = cut(text, widths[i]-1) + "…"
			}
			// What must stay whole goes to a line of its own.
			if most > 0 && i > 0 && utf8.RuneCountInString(line)+utf8.RuneCountInString(text) > most {
				b.WriteString(strings.TrimRight(line, " ") + "\n")
				line = t.indent + "  "
			}
			line += pad(text, widths[i]+gap)
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}

// printable keeps what a directory holds from telling the terminal what to do,
// and from turning round the line that it stands in.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Bidi_Control) {
			return '\uFFFD'
		}
		return r
	}, text)
}

// widths are those of the columns; most is that of the line, 0 for any.
func (t table) widths(rows [][]string, most int) []int {
	var widths []int
	for _, row := range rows {
		for i, text := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(text))
		}
	}
	for most > 0 {
		line, widest := utf8.RuneCountInString(t.indent)+gap*(len(widths)-1), 0
		for i, w := range widths {
			line += w
			if w > widths[widest] {
				widest = i
			}
		}
		if line <= most || len(widths) == 0 || widths[widest] <= narrowest {
			break
		}
		widths[widest] -= min(line-most, widths[widest]-narrowest, max(1, widths[widest]-second(widths)))
	}
	return widths
}

// second is the width of the second widest column.
func second(widths []int) int {
	first, next := 0, 0
	for _, w := range widths {
		if w > first {
			first, next = w, first
		} else {
			next = max(next, w)
		}
	}
	return next
}

// lineWidth is that of the terminal, 0 if it is none.
func lineWidth(out io.Writer) int {
	f, ok := out.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}
