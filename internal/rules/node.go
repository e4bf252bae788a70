package rules

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// reader walks a tree of YAML nodes and collects the mistakes. Its methods tell
// what is wrong and give a zero value; nothing is decided on one.
type reader struct {
	file     string
	mistakes Mistakes
}

func (r *reader) wrong(n *yaml.Node, wrong, right string) {
	r.mistakes.List = append(r.mistakes.List, Mistake{r.file, n.Line, n.Column, wrong, right})
}

// group hands each value of a mapping to the function of its key and gives the
// keys that it found. The required keys must be among them.
func (r *reader) group(n *yaml.Node, what string, keys map[string]func(*yaml.Node), required ...string) map[string]*yaml.Node {
	found := map[string]*yaml.Node{}
	if !r.plain(n) {
		return found
	}
	if n.Kind != yaml.MappingNode {
		r.wrong(n, what+" must be a group of keys, not "+kind(n), "its keys are "+strings.Join(slices.Sorted(maps.Keys(keys)), ", "))
		return found
	}
	for pair := range slices.Chunk(n.Content, 2) {
		key, value := pair[0], pair[1]
		if !r.plain(key) {
			continue
		}
		read, ok := keys[key.Value]
		switch first := found[key.Value]; {
		case key.Kind != yaml.ScalarNode || !ok:
			r.wrong(key, fmt.Sprintf("%s has no key %s", what, shown(key.Value)), advise(key.Value, slices.Sorted(maps.Keys(keys))))
		case first != nil:
			r.wrong(key, fmt.Sprintf("%s is given twice, the first time in line %d", key.Value, first.Line), "keep one")
		default:
			found[key.Value] = key
			read(value)
		}
	}
	for _, key := range required {
		if found[key] == nil {
			r.wrong(n, what+" has no "+key, "")
			last := &r.mistakes.List[len(r.mistakes.List)-1]
			last.Right = requiredAdvice[key]
		}
	}
	return found
}

// requiredAdvice says what to write for a key that is missing.
var requiredAdvice = map[string]string{
	"clients":   "give at least one client",
	"name":      "give it a short name, like sales; decisions are published and explained under it",
	"tenants":   "list the Microsoft tenants by name or id",
	"rules":     "list what makes somebody reachable, unreachable or unchanged",
	"then":      "write reachable, unreachable or unchanged",
	"stale":     "say what a state counts that could not be confirmed: reachable, unreachable or unchanged",
	"otherwise": "say what a state counts that no rule matches: reachable, unreachable or unchanged",
	"people":    "list e-mail addresses, ids or phone numbers",
}

// each hands the elements of a list to f.
func (r *reader) each(n *yaml.Node, what string, f func(*yaml.Node)) {
	if !r.plain(n) {
		return
	}
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		r.wrong(n, what+" must be a list, not "+kind(n), "write each element on a line that starts with -")
		return
	}
	for _, element := range n.Content {
		f(element)
	}
}

// words reads a text or a list of texts.
func (r *reader) words(n *yaml.Node, what string, f func(n *yaml.Node, word string)) {
	one := func(n *yaml.Node) {
		if word, ok := r.word(n, what); ok {
			f(n, word)
		}
	}
	if n.Kind == yaml.ScalarNode {
		one(n)
		return
	}
	r.each(n, what, one)
}

func (r *reader) word(n *yaml.Node, what string) (string, bool) {
	if !r.plain(n) {
		return "", false
	}
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" || strings.TrimSpace(n.Value) == "" {
		r.wrong(n, what+" must be a text, not "+kind(n), "")
		return "", false
	}
	return n.Value, true
}

// oneOf reads a text that has a fixed set of values.
func (r *reader) oneOf(n *yaml.Node, what string, allowed ...string) string {
	word, ok := r.word(n, what)
	if ok && !slices.Contains(allowed, word) {
		r.wrong(n, fmt.Sprintf("%s is %s", what, shown(word)), "write "+strings.Join(allowed[:len(allowed)-1], ", ")+" or "+allowed[len(allowed)-1])
	}
	return word
}

// maxHold: whoever has to be free for longer than a day is never free.
const maxHold = 24 * time.Hour

func (r *reader) hold(n *yaml.Node) time.Duration {
	word, ok := r.word(n, "hold")
	if !ok {
		return 0
	}
	d, err := time.ParseDuration(word)
	if err != nil || d < 0 || d > maxHold {
		r.wrong(n, fmt.Sprintf("hold is %s", shown(word)), "write a duration from 0s to 24h, like 10s or 1m30s")
	}
	return d
}

// plain refuses what needs more YAML than a rules file does.
func (r *reader) plain(n *yaml.Node) bool {
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		r.wrong(n, "anchors and aliases are not supported", "write it out; a text that starts with * or & must be in quotes")
	case n.Style&yaml.TaggedStyle != 0:
		r.wrong(n, "tags are not supported", "a text that starts with ! must be in quotes")
	default:
		return true
	}
	return false
}

func kind(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a group of keys"
	case n.Kind == yaml.SequenceNode && len(n.Content) == 0:
		return "an empty list"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Tag == "!!null" || strings.TrimSpace(n.Value) == "":
		return "nothing"
	}
	return "a text"
}

func advise(word string, candidates []string) string {
	if best := nearest(word, candidates); best != "" {
		return "did you mean " + best + "?"
	}
	return "known here are " + strings.Join(candidates, ", ")
}

// shown quotes a value for a mistake.
func shown(value string) string {
	if utf8.RuneCountInString(value) > 60 {
		value = string([]rune(value)[:60]) + "…"
	}
	return fmt.Sprintf("%q", value)
}

// complete reports whether every key of a group was understood: what seems to be
// missing may stand behind a misspelled one.
func complete(n *yaml.Node, found map[string]*yaml.Node) bool {
	return len(found) > 0 && 2*len(found) == len(n.Content)
}
