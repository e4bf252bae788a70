package rules

import "strings"

// pattern is a text in lower case where * stands for any characters, also none,
// and ? for one.
type pattern string

func newPattern(text string) pattern { return pattern(strings.ToLower(text)) }

func (p pattern) wild() bool { return strings.ContainsAny(string(p), "*?") }

func anyMatches(ps []pattern, text string) bool {
	for _, p := range ps {
		if matches(p, text) {
			return true
		}
	}
	return false
}

// matches compares without regard to case. It takes len(p)·len(text) steps at
// most: after a mismatch only the last * is tried again.
func matches(p pattern, text string) bool {
	if !p.wild() {
		return strings.EqualFold(string(p), text)
	}
	wild, t := []rune(string(p)), []rune(strings.ToLower(text))
	i, j, star, mark := 0, 0, -1, 0
	for j < len(t) {
		switch {
		case i < len(wild) && wild[i] == '*':
			star, mark = i, j
			i++
		case i < len(wild) && (wild[i] == '?' || wild[i] == t[j]):
			i, j = i+1, j+1
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	for i < len(wild) && wild[i] == '*' {
		i++
	}
	return i == len(wild)
}
