package rules

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Parse reads a rules file; name is what mistakes call it. The error is
// [*Mistakes] with everything that is wrong.
func Parse(name string, text []byte) (*Set, error) {
	r := &reader{file: name}
	sum := sha256.Sum256(text)
	s := &Set{Fingerprint: hex.EncodeToString(sum[:8])}
	if root, ok := r.tree(text); ok {
		r.set(root, s)
	}
	if len(r.mistakes.List) > 0 {
		r.mistakes.sort()
		return nil, &r.mistakes
	}
	return s, nil
}

// tree parses the text. Without a tree there is nothing further to check.
func (r *reader) tree(text []byte) (*yaml.Node, bool) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document, second yaml.Node
	err := decoder.Decode(&document)
	if errors.Is(err, io.EOF) {
		r.wrong(&yaml.Node{}, "the file is empty", "docs/adapter.md has one to start with")
		return nil, false
	}
	if err == nil {
		if err = decoder.Decode(&second); err == nil {
			r.wrong(&second, "a second document begins here", "keep one in the file")
			return nil, false
		}
	}
	if !errors.Is(err, io.EOF) {
		r.syntax(err)
		return nil, false
	}
	return document.Content[0], true
}

var syntaxLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

func (r *reader) syntax(err error) {
	line, what := 0, err.Error()
	if m := syntaxLine.FindStringSubmatch(what); m != nil {
		line, _ = strconv.Atoi(m[1])
		what = m[2]
	}
	r.wrong(&yaml.Node{Line: line}, "not valid YAML: "+what,
		"look at the indentation there and above, and put texts that begin with * or hold a colon into quotes")
}

func (r *reader) set(n *yaml.Node, s *Set) {
	var clients []*yaml.Node
	r.group(n, "the file", map[string]func(*yaml.Node){
		// Kept for later: also_known may stand below.
		"clients": func(n *yaml.Node) { r.each(n, "clients", func(n *yaml.Node) { clients = append(clients, n) }) },
		"also_known": func(n *yaml.Node) {
			r.words(n, "also_known", func(_ *yaml.Node, word string) { s.known.also = append(s.known.also, word) })
		},
	}, "clients")
	for _, n := range clients {
		c := r.client(n, &s.known)
		if slices.ContainsFunc(s.Clients, func(other *Client) bool { return c.Name != "" && other.Name == c.Name }) {
			r.wrong(n, fmt.Sprintf("a second client is named %s", c.Name), "give each client a name of its own; upper and lower case do not count")
		}
		s.Clients = append(s.Clients, c)
	}
}

var clientName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func (r *reader) client(n *yaml.Node, known *vocabulary) *Client {
	c := &Client{Hold: DefaultHold, known: known}
	var people, overrides *yaml.Node // they are read when the region is known
	r.group(n, "a client", map[string]func(*yaml.Node){
		"name": func(n *yaml.Node) {
			word, ok := r.word(n, "name")
			if ok && !clientName.MatchString(word) {
				r.wrong(n, fmt.Sprintf("name is %s", shown(word)), "write 1 to 64 letters, digits, hyphens or underscores")
			}
			c.Name = strings.ToLower(word)
		},
		"tenants": func(n *yaml.Node) {
			r.words(n, "tenants", func(_ *yaml.Node, word string) { c.Tenants = append(c.Tenants, strings.ToLower(word)) })
		},
		"region": func(n *yaml.Node) {
			word, ok := r.word(n, "region")
			if c.Region = strings.ToUpper(word); ok && !isRegion(c.Region) {
				r.wrong(n, fmt.Sprintf("region is %s", shown(word)), "write the two letters of a country, like DE")
				c.Region = ""
			}
		},
		"people":    func(n *yaml.Node) { people = n },
		"hold":      func(n *yaml.Node) { c.Hold = r.hold(n) },
		"stale":     func(n *yaml.Node) { c.Stale = r.policy(n, "stale") },
		"otherwise": func(n *yaml.Node) { c.Otherwise = r.policy(n, "otherwise") },
		"overrides": func(n *yaml.Node) { overrides = n },
		"rules":     func(n *yaml.Node) { c.Rules = r.rules(n, known) },
	}, "name", "tenants", "rules", "stale", "otherwise")
	if people != nil {
		who := r.who(people, c.Region)
		c.People = &who
	}
	if overrides != nil {
		r.each(overrides, "overrides", func(n *yaml.Node) { c.Overrides = append(c.Overrides, r.override(n, c)) })
	}
	return c
}

func (r *reader) override(n *yaml.Node, c *Client) Override {
	o := Override{Line: n.Line}
	found := r.group(n, "an override", map[string]func(*yaml.Node){
		"name":   func(n *yaml.Node) { o.Name, _ = r.word(n, "name") },
		"people": func(n *yaml.Node) { o.People = r.who(n, c.Region) },
		"hold":   func(n *yaml.Node) { o.Hold = new(r.hold(n)) },
		"stale":  func(n *yaml.Node) { o.Stale = new(r.policy(n, "stale")) },
		"rules":  func(n *yaml.Node) { o.Rules = r.rules(n, c.known) },
	}, "name", "people")
	if complete(n, found) && found["hold"] == nil && found["stale"] == nil && found["rules"] == nil {
		r.wrong(n, "the override changes nothing", "give it rules, a hold or a stale policy")
	}
	return o
}

// policy reads a result that stands for a whole kind of states, as a rule
// without conditions.
func (r *reader) policy(n *yaml.Node, name string) Rule {
	return Rule{Name: name, Line: n.Line, Then: r.oneOf(n, name, Reachable, Unreachable, Unchanged)}
}

func (r *reader) rules(n *yaml.Node, known *vocabulary) []Rule {
	var rules []Rule
	r.each(n, "rules", func(n *yaml.Node) { rules = append(rules, r.rule(n, known)) })
	return rules
}

func (r *reader) rule(n *yaml.Node, known *vocabulary) Rule {
	rule := Rule{Line: n.Line}
	patterns := func(into *[]pattern, what string, documented []string) func(*yaml.Node) {
		return func(n *yaml.Node) {
			r.words(n, what, func(n *yaml.Node, word string) {
				*into = append(*into, newPattern(word))
				if known.meets(documented, newPattern(word)) {
					return
				}
				right := "name a newer value in also_known"
				if best := nearest(word, documented); best != "" {
					right = "did you mean " + best + "? " + right
				}
				r.wrong(n, fmt.Sprintf("no %s is known that %s matches", what, shown(word)), right)
			})
		}
	}
	found := r.group(n, "a rule", map[string]func(*yaml.Node){
		"name":          func(n *yaml.Node) { rule.Name, _ = r.word(n, "name") },
		"availability":  patterns(&rule.Availability, "availability", availabilities),
		"activity":      patterns(&rule.Activity, "activity", activities),
		"out_of_office": func(n *yaml.Node) { rule.OutOfOffice = new(r.oneOf(n, "out_of_office", "true", "false") == "true") },
		"then":          func(n *yaml.Node) { rule.Then = r.oneOf(n, "then", Reachable, Unreachable, Unchanged) },
	}, "then")
	if complete(n, found) && found["availability"] == nil && found["activity"] == nil && found["out_of_office"] == nil {
		r.wrong(n, "the rule has no condition", `give it an availability, an activity or out_of_office; availability: "*" means any`)
	}
	if rule.Name == "" {
		rule.Name = rule.describe()
	}
	return rule
}

// describe names a rule that has no name by its conditions.
func (r *Rule) describe() string {
	var parts []string
	for _, p := range append(slices.Clone(r.Availability), r.Activity...) {
		if !slices.Contains(parts, string(p)) {
			parts = append(parts, string(p))
		}
	}
	if r.OutOfOffice != nil {
		parts = append(parts, fmt.Sprintf("out of office: %t", *r.OutOfOffice))
	}
	return strings.Join(parts, ", ")
}

// who reads a list of people.
func (r *reader) who(n *yaml.Node, region string) Who {
	var w Who
	r.words(n, "people", func(n *yaml.Node, word string) {
		if w.Add(word, region) {
			return
		}
		right := "write an e-mail address, a directory id or a phone number with its country, like +49 89 123456"
		if region == "" && written.MatchString(word) {
			right = "write it with its country, like +49 89 123456, or give the client a region"
		}
		r.wrong(n, shown(word)+" is nobody that can be found", right)
	})
	return w
}
