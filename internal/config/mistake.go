package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Mistake is one thing that is wrong with the configuration. It never holds
// the value of a secret, nor anybody's address.
type Mistake struct {
	Place Place
	Key   string // path of the key, like tenants[0].client_id; empty for the whole file
	Wrong string // what is wrong
	Right string // what would be right
}

func (m Mistake) String() string {
	text := m.Place.String() + ": "
	if m.Key != "" {
		text += m.Key + ": "
	}
	text += m.Wrong
	if m.Right != "" {
		text += "; " + m.Right
	}
	return text
}

// Place is where a value was written: in the file, or in the environment.
type Place struct {
	File         string
	Line, Column int    // from 1; 0 when unknown
	Variable     string // name of the environment variable, if it came from there
}

func (p Place) String() string {
	switch {
	case p.Variable != "":
		return p.Variable
	case p.Line == 0:
		return p.File
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Mistakes is the error of [Load]: everything that is wrong, in the order of
// the file, what came from the environment last.
type Mistakes struct{ List []Mistake }

// Error prints one mistake per line.
func (m *Mistakes) Error() string {
	lines := make([]string, len(m.List))
	for i, mistake := range m.List {
		lines[i] = mistake.String()
	}
	return strings.Join(lines, "\n")
}

func (m *Mistakes) sort() {
	slices.SortStableFunc(m.List, func(a, b Mistake) int {
		return cmp.Or(
			cmp.Compare(a.Place.Variable, b.Place.Variable),
			cmp.Compare(a.Place.Line, b.Place.Line),
			cmp.Compare(a.Place.Column, b.Place.Column),
			cmp.Compare(a.Key, b.Key))
	})
}

// shown quotes a value for a mistake. What holds an @ is somebody's address or
// a URL with a password in it, and is not repeated.
func shown(value string) string {
	if strings.Contains(value, "@") {
		return "the value"
	}
	if utf8.RuneCountInString(value) > 60 {
		value = string([]rune(value)[:60]) + "…"
	}
	return fmt.Sprintf("%q", value)
}
