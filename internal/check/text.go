package check

import (
	"fmt"
	"slices"
	"strings"
)

// Language of the texts.
type Language string

// The languages, which are also those of the set-up guide.
const (
	English Language = "en"
	German  Language = "de"
	French  Language = "fr"
)

// Languages are all of them.
func Languages() []Language { return []Language{English, German, French} }

// Known reports whether there are texts in a language.
func (l Language) Known() bool { return slices.Contains(Languages(), l) }

// Text is a text of the catalogue, for whoever prints findings: the keys that
// begin with print.
func (l Language) Text(key string, args ...any) string { return speaker{l}.text(key, args...) }

// Colon is how the language writes one between two texts.
func (l Language) Colon() string {
	if l == French {
		return " : "
	}
	return ": "
}

// text is a sentence in every language. Written without names of fields, the
// compiler sees that none is missing.
type text struct{ en, de, fr string }

func (t text) in(l Language) string {
	switch l {
	case German:
		return t.de
	case French:
		return t.fr
	}
	return t.en
}

// catalogue holds every text, by key. Verbs are numbered where languages differ
// in their order, and where a text leaves some of its arguments out.
var catalogue = merge(commonTexts, machineTexts, publicTexts, busTexts, appTexts, accountTexts, endsTexts, mistakeTexts)

func merge(parts ...map[string]text) map[string]text {
	all := map[string]text{}
	for _, part := range parts {
		for key, t := range part {
			if _, twice := all[key]; twice {
				panic("the text " + key + " is there twice")
			}
			all[key] = t
		}
	}
	return all
}

func known(key string) bool { _, ok := catalogue[key]; return ok }

// speaker says things in one language.
type speaker struct{ language Language }

func (s speaker) text(key string, args ...any) string {
	t, ok := catalogue[key]
	if !ok {
		panic("no text " + key)
	}
	if said := t.in(s.language); !strings.Contains(said, "%") {
		return said
	}
	return fmt.Sprintf(t.in(s.language), args...)
}
