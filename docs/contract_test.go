// Package docs_test holds the documents of the contract against the code.
package docs_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"jtel.de/presencebridge/events"
)

// schema compiles a part of the schema, such as "/$defs/userEvent"; formats count.
func schema(t testing.TB, part string) *jsonschema.Schema {
	t.Helper()
	return schemaOf(t, "events.schema.json", part)
}

func schemaOf(t testing.TB, file, part string) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	// They refer to each other by their ids, not by where the files are.
	for _, name := range []string{"events.schema.json", "requests.schema.json"} {
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(read(t, name)))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.AddResource("https://presencebridge.jtel.de/schemas/v1/"+name, v); err != nil {
			t.Fatal(err)
		}
	}
	s, err := c.Compile("https://presencebridge.jtel.de/schemas/v1/" + file + "#" + part)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func read(t testing.TB, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func validate(s *jsonschema.Schema, text []byte) error {
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		return err
	}
	return s.Validate(value)
}

func goldenFiles(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("../events/testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no golden files", err)
	}
	return files
}

// What the code reads and writes is what the schema and CloudEvents say.
func TestGoldenFiles(t *testing.T) {
	s := schema(t, "")
	for _, file := range goldenFiles(t) {
		text := read(t, file)
		if err := validate(s, text); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		var e cloudevents.Event
		if err := json.Unmarshal(text, &e); err != nil {
			t.Errorf("%s: %v", file, err)
		} else if err := e.Validate(); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// Whatever the code would refuse or never write, the schema refuses too.
func TestSchemaRefuses(t *testing.T) {
	for _, tt := range []struct{ file, old, new string }{
		{"user_contract.json", `"specversion": "1.0"`, `"specversion": "2.0"`},
		{"user_contract.json", events.TypeUser, "presence.user.changed.v2"},
		{"user_contract.json", events.TypeUser, events.TypeDirectory},
		{"user_contract.json", `"/tenants/84bd`, `"/tenants/84BD`},
		{"user_contract.json", `"id": "b36a`, `"id": "`},
		{"user_contract.json", `"availability": "Busy",`, ``},
		{"user_contract.json", `"freshness": "fresh"`, `"freshness": "rotten"`},
		{"user_contract.json", `"origin": "notification"`, `"origin": "guess"`},
		{"user_contract.json", `"outOfOffice": false`, `"outOfOffice": "no"`},
		{"user_contract.json", `"2026-11-23T18:00:00.120Z"`, `"yesterday"`},
		{"user_contract.json", `"2026-11-23T18:00:00.120Z"`, `"2026-11-23T19:00:00+01:00"`},
		{"user_contract.json", `"time":`, `"when":`},
		{"directory_removed.json", `"id": "b36a4df4-9d72-4b1e-a7f6-97c6e9a6f0a1"`, `"id": "b36a4df4-9d72-4b1e-a7f6-97c6e9a6f0a1", "mail": "a@b.c"`},
		{"coverage.json", `"push": 0`, `"push": -1`},
		{"coverage.json", `"silent"`, `"happy"`},
		{"coverage_expiring.json", `"withinDays": 14`, `"withinDays": -1`},
		{"coverage_expiring.json", `"client_secret"`, `"client secret"`},
		{"decision.json", `"unreachable"`, `"perhaps"`},
		{"decision.json", `"/clients/mandant-1"`, `"/clients/mandant 1"`},
		{"decision.json", `"ruleLine": 14`, `"ruleLine": 0`},
	} {
		text := string(read(t, "../events/testdata/"+tt.file))
		spoiled := strings.Replace(text, tt.old, tt.new, 1)
		if spoiled == text {
			t.Errorf("%s: nothing was replaced by %s", tt.file, tt.new)
		}
		if err := validate(schema(t, ""), []byte(spoiled)); err == nil {
			t.Errorf("%s with %s is valid", tt.file, tt.new)
		}
	}
}

// Any event that the code writes is valid, with whatever facts it has.
func TestSchemaTakesWhatIsWritten(t *testing.T) {
	user, decided := schema(t, "/$defs/userEvent"), schema(t, "/$defs/decisionEvent")
	text := rapid.String()
	optional := rapid.Ptr(text, true)
	moment := rapid.Custom(func(t *rapid.T) time.Time {
		return time.UnixMilli(rapid.Int64Range(0, 4e12).Draw(t, "ms"))
	})
	const id = "b36a4df4-9d72-4b1e-a7f6-97c6e9a6f0a1"
	rapid.Check(t, func(t *rapid.T) {
		d := events.UserData{
			TenantID: strings.ToUpper(id), Tenant: text.Draw(t, "tenant"),
			User:         events.User{ID: id, Mail: text.Draw(t, "mail"), DisplayName: text.Draw(t, "name"), Phones: rapid.SliceOf(text).Draw(t, "phones")},
			Availability: text.Draw(t, "availability"), Activity: text.Draw(t, "activity"),
			OutOfOffice: rapid.Ptr(rapid.Bool(), true).Draw(t, "out of office"), StatusMessage: optional.Draw(t, "status message"),
			WorkLocation: optional.Draw(t, "work location"), SequenceNumber: text.Draw(t, "sequence number"),
			Origin:     rapid.SampledFrom([]string{events.OriginNotification, events.OriginSweep, events.OriginStart}).Draw(t, "origin"),
			ObservedAt: moment.Draw(t, "observed"), PublishedAt: moment.Draw(t, "published"),
			Freshness: rapid.SampledFrom([]string{events.Fresh, events.Stale}).Draw(t, "freshness"),
		}
		if rapid.Bool().Draw(t, "first") {
			d.Previous = &events.Previous{Availability: text.Draw(t, "before"), Activity: text.Draw(t, "before"), ObservedAt: moment.Draw(t, "before")}
		}
		check(t, user, events.UserEvent{ID: "id", Data: d})
		check(t, decided, events.DecisionEvent{ID: "id", Data: events.DecisionData{
			Client: "Mandant_1", TenantID: id, UserID: strings.ToUpper(id), Decision: events.Reachable,
			Rule: text.Draw(t, "rule"), RuleLine: rapid.IntRange(0, 9).Draw(t, "line"), EventID: text.Draw(t, "event"), ObservedAt: moment.Draw(t, "decided"),
		}})
	})
}

func check[T events.Data](t *rapid.T, s *jsonschema.Schema, e events.Event[T]) {
	b, err := events.Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate(s, b); err != nil {
		t.Fatalf("%s\n%v", b, err)
	}
}

// asyncAPI is what of the document is held against the code.
type asyncAPI struct {
	AsyncAPI           string                    `yaml:"asyncapi"`
	DefaultContentType string                    `yaml:"defaultContentType"`
	Servers            map[string]any            `yaml:"servers"`
	Channels           map[string]channel        `yaml:"channels"`
	Operations         map[string]operation      `yaml:"operations"`
	Components         map[string]map[string]any `yaml:"components"`
}

type channel struct {
	Address    string         `yaml:"address"`
	Parameters map[string]any `yaml:"parameters"`
	Messages   map[string]ref `yaml:"messages"`
}

type operation struct {
	Action   string `yaml:"action"`
	Channel  ref    `yaml:"channel"`
	Messages []ref  `yaml:"messages"`
}

type ref struct {
	Ref string `yaml:"$ref"`
}

func TestAsyncAPI(t *testing.T) {
	text := read(t, "asyncapi.yaml")
	var d asyncAPI
	if err := yaml.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(d.AsyncAPI, "3.") || d.DefaultContentType != events.ContentType {
		t.Errorf("asyncapi %s, content type %s", d.AsyncAPI, d.DefaultContentType)
	}

	// Every channel is one of the stream's subjects, and the other way round.
	var subjects, requests []string
	placeholder := regexp.MustCompile(`\{([^}]+)\}`)
	for name, c := range d.Channels {
		switch {
		case c.Address == "": // the asker's inbox
			continue
		case strings.HasPrefix(c.Address, "presence.v1.api."):
			requests = append(requests, c.Address)
		default:
			prefix, _, _ := strings.Cut(c.Address, "{")
			subjects = append(subjects, prefix+">")
		}
		for _, p := range placeholder.FindAllStringSubmatch(c.Address, -1) {
			if c.Parameters[p[1]] == nil {
				t.Errorf("channel %s does not explain %s", name, p[1])
			}
		}
		if len(c.Messages) != 1 {
			t.Errorf("channel %s has %d messages", name, len(c.Messages))
		}
	}
	for _, s := range events.StreamSubjects() {
		if !strings.Contains(strings.Join(subjects, " "), s) {
			t.Errorf("no channel for %s", s)
		}
	}
	slices.Sort(requests)
	if want := []string{events.RequestCoverage, events.RequestFind, events.RequestGet, events.RequestList, events.RequestRefresh}; !slices.Equal(requests, want) {
		t.Errorf("requests %v, want %v", requests, want)
	}
	if len(d.Operations) != len(subjects)+len(requests) || len(subjects) != len(events.StreamSubjects()) {
		t.Errorf("%d operations on %d channels", len(d.Operations), len(d.Channels))
	}

	// Every reference leads somewhere.
	var tree any
	if err := yaml.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}
	for _, r := range regexp.MustCompile(`\$ref: '([^']+)'`).FindAllStringSubmatch(string(text), -1) {
		file, path, _ := strings.Cut(r[1], "#")
		switch file {
		case "":
			if lookUp(tree, path) == nil {
				t.Errorf("%s leads nowhere", r[1])
			}
		case "./events.schema.json", "./requests.schema.json":
			schemaOf(t, strings.TrimPrefix(file, "./"), path) // fails if there is none
		default:
			t.Errorf("%s is another document", r[1])
		}
	}

	// Each message has the name of its type and the schema that takes it alone.
	names := map[string]bool{}
	for name := range d.Components["messages"] {
		var m struct {
			Name    string `yaml:"name"`
			Payload ref    `yaml:"payload"`
		}
		b, err := yaml.Marshal(d.Components["messages"][name])
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal(b, &m); err != nil {
			t.Fatal(err)
		}
		file, path, _ := strings.Cut(m.Payload.Ref, "#")
		if file != "./events.schema.json" {
			continue
		}
		names[m.Name] = true
		s := schema(t, path)
		for _, file := range goldenFiles(t) {
			golden := read(t, file)
			if own := strings.Contains(string(golden), `"`+m.Name+`"`); own != (validate(s, golden) == nil) {
				t.Errorf("%s and %s: %v", name, file, validate(s, golden))
			}
		}
	}
	want := map[string]bool{events.TypeUser: true, events.TypeDirectory: true, events.TypeCoverage: true, events.TypeDecision: true}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
}

// lookUp follows a JSON pointer.
func lookUp(tree any, path string) any {
	for _, step := range strings.Split(strings.TrimPrefix(path, "/"), "/") {
		group, ok := tree.(map[string]any)
		if !ok {
			return nil
		}
		tree = group[step]
	}
	return tree
}
