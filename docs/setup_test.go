package docs_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// guide is the set-up guide in one language, as far as it must be the same in all.
type guide struct {
	Sections []section
}

type section struct {
	Anchor, Number string
	Steps          int // of the numbered lists
	Bullets        int
	Tables         [][]int  // columns of every row
	Code           []string // everything in code, in the order of the text
	Links          []string
}

var (
	heading   = regexp.MustCompile(`^## (\d+)\. (.+)$`)
	anchorTag = regexp.MustCompile(`^<a id="([a-z0-9-]+)"></a>$`)
	numbered  = regexp.MustCompile(`^\d+\. `)
	codeSpan  = regexp.MustCompile("`[^`]+`")
	link      = regexp.MustCompile(`\]\((https?://[^)]+|[^)]+\.json)\)|<(https?://[^>]+)>`)
)

func readGuide(t *testing.T, language string) (g guide) {
	t.Helper()
	var s *section
	fence, anchor, rows := false, "", 0
	for _, line := range strings.Split(string(read(t, "setup."+language+".md")), "\n") {
		trimmed := strings.TrimSpace(line)
		if strings.HasPrefix(trimmed, "```") {
			fence = !fence
			continue
		}
		if m := anchorTag.FindStringSubmatch(line); m != nil {
			anchor = m[1]
			continue
		}
		if m := heading.FindStringSubmatch(line); m != nil {
			g.Sections = append(g.Sections, section{Anchor: anchor, Number: m[1]})
			s, anchor, rows = &g.Sections[len(g.Sections)-1], "", 0
			continue
		}
		if s == nil {
			continue
		}
		switch {
		case fence:
			s.Code = append(s.Code, strings.NewReplacer("--lang "+language, "--lang").Replace(trimmed))
			continue
		case strings.HasPrefix(line, "|"):
			if rows++; rows == 1 {
				s.Tables = append(s.Tables, nil)
			}
			last := &s.Tables[len(s.Tables)-1]
			*last = append(*last, strings.Count(line, "|")-1)
		case numbered.MatchString(line):
			s.Steps++
		case strings.HasPrefix(line, "- "):
			s.Bullets++
		}
		if !strings.HasPrefix(line, "|") {
			rows = 0
		}
		// Names that a reader chooses may be in their language.
		for _, code := range codeSpan.FindAllString(line, -1) {
			if !slices.Contains([]string{"`Contact centre`", "`Contact Center`", "`Centre de contact`"}, code) {
				s.Code = append(s.Code, code)
			}
		}
		for _, m := range link.FindAllStringSubmatch(line, -1) {
			s.Links = append(s.Links, m[1]+m[2])
		}
	}
	for i := range g.Sections {
		slices.Sort(g.Sections[i].Code) // sentences are built differently
		slices.Sort(g.Sections[i].Links)
	}
	return g
}

// prose are the lines long enough that no two languages share them by chance.
func prose(t *testing.T, language string) (lines []string) {
	t.Helper()
	fence := false
	for _, line := range strings.Split(string(read(t, "setup."+language+".md")), "\n") {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "```") {
			fence = !fence
		}
		if !fence && len(codeSpan.ReplaceAllString(line, "")) > 40 && !strings.HasPrefix(line, "[requests/") {
			lines = append(lines, line)
		}
	}
	return lines
}

// The guide says the same in every language: headings, anchors, steps, tables,
// permissions, commands, codes and addresses.
func TestGuidesAreInStep(t *testing.T) {
	english, sentences := readGuide(t, "en"), prose(t, "en")
	if len(english.Sections) < 19 {
		t.Fatalf("%d sections", len(english.Sections))
	}
	for i, s := range english.Sections {
		if s.Anchor == "" {
			t.Errorf("section %s has no anchor", s.Number)
		}
		if i > 0 && s.Bullets < 4 {
			t.Errorf("section %s does not say who, where, what for and how to check", s.Number)
		}
	}
	for _, language := range []string{"de", "fr"} {
		other := readGuide(t, language)
		if diff := cmp.Diff(english, other); diff != "" {
			t.Errorf("setup.%s.md (+) says something else than setup.en.md (-):\n%s", language, diff)
		}
		for _, line := range prose(t, language) {
			if slices.Contains(sentences, line) {
				t.Errorf("setup.%s.md: not translated: %s", language, line)
			}
		}
	}
}

// Every request of the collection is explained, in its order.
func TestGuideNamesTheRequests(t *testing.T) {
	var c collection
	if err := json.Unmarshal(read(t, "requests/presence-bridge.postman_collection.json"), &c); err != nil {
		t.Fatal(err)
	}
	for _, language := range []string{"en", "de", "fr"} {
		rest := string(read(t, "setup."+language+".md"))
		for _, item := range c.Items {
			_, after, found := strings.Cut(rest, "\n| "+item.Name+" |")
			if !found {
				t.Errorf("setup.%s.md does not explain the request %q, or not in its place", language, item.Name)
				continue
			}
			rest = after
		}
	}
}
