package config

import (
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// allKeys gives every key path and its default as written in the file.
func allKeys() map[string]string {
	keys := map[string]string{}
	walk(reflect.TypeFor[Config](), "", func(path string, f reflect.StructField) { keys[path] = f.Tag.Get("default") })
	return keys
}

// The reference names every key with its default, and none besides.
func TestReference(t *testing.T) {
	text := read(t, "../../docs/configuration.md")
	_, text, ok := strings.Cut(text, "\n## Keys\n")
	if !ok {
		t.Fatal("the reference has no section of keys")
	}
	documented := map[string]string{}
	row := regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (?:`([^`]*)`)? ?\\| (.+) \\|$")
	for _, m := range row.FindAllStringSubmatch(text, -1) {
		if _, twice := documented[m[1]]; twice {
			t.Errorf("%s is documented twice", m[1])
		}
		documented[m[1]] = m[2]
	}
	if diff := cmp.Diff(allKeys(), documented); diff != "" {
		t.Errorf("keys and defaults (-code +docs/configuration.md):\n%s", diff)
	}
}

// The variables that the reference shows exist.
func TestReferenceVariables(t *testing.T) {
	text := read(t, "../../docs/configuration.md")
	rows := regexp.MustCompile("(?m)^\\| `([^`]+)` \\| `(PRESENCEBRIDGE_[A-Z0-9_]+)`").FindAllStringSubmatch(text, -1)
	if len(rows) == 0 {
		t.Fatal("the reference shows no variables")
	}
	for _, m := range rows {
		name := strings.ReplaceAll(strings.ReplaceAll(m[1], "[", "."), "]", "")
		if want := prefix + strings.ToUpper(strings.ReplaceAll(name, ".", "__")); m[2] != want {
			t.Errorf("%s has the variable %s, documented is %s", m[1], want, m[2])
		}
	}
}

const example = "../../deploy/presencebridge.example.yaml"

// The example loads as it is, once its files exist.
func TestExampleLoads(t *testing.T) {
	dir := newDir(t)
	text := strings.NewReplacer(
		"/etc/presencebridge/tls/fullchain.pem", dir+"/cert.pem",
		"/etc/presencebridge/tls/privkey.pem", dir+"/key.pem",
		"/etc/presencebridge/secrets/contoso-client-secret", dir+"/secret",
		"/etc/presencebridge/secrets/svc-presence-1", dir+"/secret",
	).Replace(read(t, example))
	c, err := Parse(example, []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.CallbackURL(); got != "https://presence.example.com/graph/notifications" {
		t.Errorf("callback URL is %s", got)
	}
	if got := c.LifecycleURL(); got != "https://presence.example.com/graph/lifecycle" {
		t.Errorf("lifecycle URL is %s", got)
	}
}

// The example names every key: with its default, or as a comment where
// another key excludes it.
func TestExampleNamesEveryKey(t *testing.T) {
	text := read(t, example)
	var root yaml.Node
	if err := yaml.Unmarshal([]byte(text), &root); err != nil {
		t.Fatal(err)
	}
	written := map[string]string{}
	collect(root.Content[0], "", written)
	alternatives := []string{
		"tenants[].client_secret", "tenants[].client_certificate_file",
		"tenants[].accounts[].password", "tenants[].accounts[].sign_in",
	}
	for _, path := range slices.Sorted(maps.Keys(allKeys())) {
		value, ok := written[path]
		if slices.Contains(alternatives, path) {
			name := path[strings.LastIndex(path, ".")+1:]
			if !regexp.MustCompile(`(?m)^ +# ` + name + `: `).MatchString(text) {
				t.Errorf("the example does not mention %s", path)
			}
		} else if !ok {
			t.Errorf("the example leaves out %s", path)
		} else if want := allKeys()[path]; want != "" && value != want {
			t.Errorf("the example gives %s as %q, the default is %q", path, value, want)
		}
	}
}

// collect gives the value of every key below a node, elements of lists as [].
func collect(n *yaml.Node, path string, into map[string]string) {
	switch n.Kind {
	case yaml.MappingNode:
		for pair := range slices.Chunk(n.Content, 2) {
			collect(pair[1], join(path, pair[0].Value), into)
		}
	case yaml.SequenceNode:
		into[path] = ""
		for _, element := range n.Content {
			if element.Kind == yaml.MappingNode {
				collect(element, path+"[]", into)
			}
		}
	default:
		into[path] = n.Value
	}
}

func read(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
