package rules

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Mistake is one thing that is wrong with a rules file.
type Mistake struct {
	File         string
	Line, Column int    // from 1; 0 when unknown
	Wrong        string // what is wrong
	Right        string // what would be right
}

func (m Mistake) String() string {
	place := m.File
	if m.Line > 0 {
		place += fmt.Sprintf(":%d", m.Line)
	}
	if m.Column > 0 {
		place += fmt.Sprintf(":%d", m.Column)
	}
	text := place + ": " + m.Wrong
	if m.Right != "" {
		text += "; " + m.Right
	}
	return text
}

// Mistakes is the error of [Parse]: everything that is wrong, in the order of the file.
type Mistakes struct{ List []Mistake }

// Error prints one mistake a line.
func (m *Mistakes) Error() string {
	lines := make([]string, len(m.List))
	for i, one := range m.List {
		lines[i] = one.String()
	}
	return strings.Join(lines, "\n")
}

func (m *Mistakes) sort() {
	slices.SortStableFunc(m.List, func(a, b Mistake) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}
