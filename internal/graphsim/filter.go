package graphsim

import (
	"fmt"
	"regexp"
	"strings"
)

var clause = regexp.MustCompile(`^(\w+)\s+(eq|ne|in)\s+(.+)$`)

// parseFilter understands comparisons joined by "or" and "and" ("and" binds
// tighter; there are no parentheses): prop eq 'text', prop eq true, prop ne …,
// prop in ('a','b'), startswith(prop,'text').
func parseFilter(text string) (func(object) bool, error) {
	return parseFilterOf(text, (User{}).properties(false))
}

// parseFilterOf is the same for objects with these properties.
func parseFilterOf(text string, properties object) (func(object) bool, error) {
	if text == "" {
		return func(object) bool { return true }, nil
	}
	var alternatives []func(object) bool
	for _, alternative := range splitOutside(text, " or ") {
		var all []func(object) bool
		for _, c := range splitOutside(alternative, " and ") {
			f, err := parseClause(strings.TrimSpace(c), properties)
			if err != nil {
				return nil, err
			}
			all = append(all, f)
		}
		alternatives = append(alternatives, func(o object) bool {
			for _, f := range all {
				if !f(o) {
					return false
				}
			}
			return true
		})
	}
	return func(o object) bool {
		for _, f := range alternatives {
			if f(o) {
				return true
			}
		}
		return false
	}, nil
}

var starts = regexp.MustCompile(`^startswith\((\w+),\s*('(?:[^']|'')*')\)$`)

func parseClause(text string, properties object) (func(object) bool, error) {
	refused := badRequest("Request_UnsupportedQuery", "Unsupported or invalid query filter clause specified: '"+text+"'.")
	if m := starts.FindStringSubmatch(text); m != nil {
		return func(o object) bool { return strings.HasPrefix(folded(o[m[1]]), literal(m[2])) }, nil
	}
	m := clause.FindStringSubmatch(text)
	if m == nil {
		return nil, refused
	}
	name, operator, value := m[1], m[2], strings.TrimSpace(m[3])
	if _, ok := properties[name]; !ok {
		return nil, refused
	}
	wanted := map[string]bool{}
	values := []string{value}
	if operator == "in" {
		if !strings.HasPrefix(value, "(") || !strings.HasSuffix(value, ")") {
			return nil, refused
		}
		values = splitOutside(value[1:len(value)-1], ",")
	}
	for _, v := range values {
		v = strings.TrimSpace(v)
		quoted := len(v) >= 2 && v[0] == '\'' && v[len(v)-1] == '\'' && !strings.Contains(strings.ReplaceAll(v[1:len(v)-1], "''", ""), "'")
		if !quoted && v != "true" && v != "false" && v != "null" {
			return nil, refused
		}
		wanted[literal(v)] = true
	}
	return func(o object) bool { return wanted[folded(o[name])] == (operator != "ne") }, nil
}

// literal is a value of a filter as folded prints it: without quotes, folded.
func literal(v string) string {
	if strings.HasPrefix(v, "'") {
		return strings.ToLower(strings.ReplaceAll(v[1:len(v)-1], "''", "'"))
	}
	return "\x00" + v
}

// folded prints a property; what is no text is marked, so that 'true' is not true.
func folded(v any) string {
	switch v := v.(type) {
	case nil:
		return "\x00null"
	case string:
		return strings.ToLower(v)
	}
	return "\x00" + fmt.Sprint(v)
}

// splitOutside splits where sep stands outside quotes.
func splitOutside(text, sep string) []string {
	var parts []string
	start, quoted := 0, false
	for i := 0; i < len(text); i++ {
		if text[i] == '\'' {
			quoted = !quoted
		}
		if !quoted && strings.HasPrefix(text[i:], sep) {
			parts = append(parts, text[start:i])
			i += len(sep) - 1
			start = i + 1
		}
	}
	return append(parts, text[start:])
}
