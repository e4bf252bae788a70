package docs_test

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"jtel.de/presencebridge/events"
)

// What the pages tell people to type into the `nats` command names subjects,
// streams and buckets that there are, and asks what the service understands.
func TestNatsCommands(t *testing.T) {
	pages, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	pages = append(pages, "consumers/README.md", "../README.md")
	command := regexp.MustCompile("(?m)(?:^|`)nats (.*)$")
	subject := regexp.MustCompile(`presence\.v1\.[A-Za-z0-9_.*>-]+`)
	request := regexp.MustCompile(`^request presence\.v1\.api\.(\w+) '([^']*)'`)
	endpoints := []string{events.RequestGet, events.RequestFind, events.RequestList, events.RequestCoverage, events.RequestRefresh}
	commands, requests := 0, 0
	for _, page := range pages {
		for _, m := range command.FindAllStringSubmatch(string(read(t, page)), -1) {
			commands++
			line, _, _ := strings.Cut(m[1], "`")
			for _, s := range subject.FindAllString(line, -1) {
				known := slices.Contains(endpoints, s) || slices.ContainsFunc(events.StreamSubjects(), func(all string) bool {
					return strings.HasPrefix(s, strings.TrimSuffix(all, ">"))
				})
				if !known {
					t.Errorf("%s: nats %s: nobody knows %s", page, line, s)
				}
			}
			for what, name := range map[string]string{`^consumer \w+ (\S+)`: events.Stream, `^kv \w+ (\S+)`: events.Bucket, `^micro info (\S+)`: events.Service} {
				// Instances that share their keys have a bucket of their own for them.
				if found := regexp.MustCompile(what).FindStringSubmatch(line); found != nil && found[1] != name && found[1] != "presencebridge_state" {
					t.Errorf("%s: nats %s: it is called %s", page, line, name)
				}
			}
			if r := request.FindStringSubmatch(line); r != nil && r[2] != "" {
				requests++
				if err := validate(schemaOf(t, "requests.schema.json", "/$defs/"+r[1]+"Request"), []byte(r[2])); err != nil {
					t.Errorf("%s: nats %s: %v", page, line, err)
				}
			}
		}
	}
	if commands < 8 || requests < 2 {
		t.Errorf("only %d commands and %d requests were found", commands, requests)
	}
}
