package config

import (
	"cmp"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

const prefix = "PRESENCEBRIDGE_"

// platform matches what Kubernetes puts into the environment of every pod for a
// service that is called like us. Such a variable is not meant for us.
// Source: Kubernetes, "accessing the service", environment variables.
var platform = regexp.MustCompile(`^PRESENCEBRIDGE_([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_\d+_[A-Z]+(_(PROTO|PORT|ADDR))?)?)$`)

// override writes the variables that are ours into the tree, as if they stood
// in the file.
func (r *reader) override(root *yaml.Node, environ []string) {
	var ours []string
	for _, entry := range environ {
		if strings.HasPrefix(entry, prefix) {
			ours = append(ours, entry)
		}
	}
	slices.SortStableFunc(ours, byPath) // so that list elements are appended in their order
	for _, entry := range ours {
		variable, text, _ := strings.Cut(entry, "=")
		segments := strings.Split(strings.TrimPrefix(variable, prefix), "__")
		o := override{reader: r, variable: variable, text: text}
		if wrong, right := o.set(root, reflect.TypeFor[Config](), segments); wrong != "" && !platform.MatchString(variable) {
			r.add(Place{Variable: variable}, "", wrong, right)
		}
	}
}

// byPath sorts variables by name, numbers between the levels by their value.
func byPath(a, b string) int {
	a, _, _ = strings.Cut(a, "=")
	b, _, _ = strings.Cut(b, "=")
	return slices.CompareFunc(strings.Split(a, "__"), strings.Split(b, "__"), func(x, y string) int {
		i, errX := strconv.Atoi(x)
		j, errY := strconv.Atoi(y)
		if errX == nil && errY == nil {
			return cmp.Compare(i, j)
		}
		return cmp.Compare(x, y)
	})
}

// override is one variable on its way into the tree.
type override struct {
	reader         *reader
	variable, text string
}

// set follows the segments through the types and makes missing nodes on the
// way. A node of another shape than its type is left to the decoder to report.
func (o *override) set(n *yaml.Node, t reflect.Type, segments []string) (wrong, right string) {
	switch {
	case isGroup(t):
		return o.setKey(n, t, segments)
	case t.Kind() != reflect.Slice && len(segments) > 0:
		return "unknown configuration variable", "the key has no further levels"
	case t.Kind() != reflect.Slice:
		o.fill(n, yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: o.text})
		return "", ""
	case len(segments) > 0:
		return o.setElement(n, t, segments)
	case isGroup(t.Elem()):
		return "names a list of groups, not a value", "go on with " + o.variable + "__0__ and a key"
	}
	list := yaml.Node{Kind: yaml.SequenceNode}
	for text := range strings.SplitSeq(o.text, ",") {
		if text = strings.TrimSpace(text); text != "" {
			element := &yaml.Node{}
			o.fill(element, yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text})
			list.Content = append(list.Content, element)
		}
	}
	o.fill(n, list)
	return "", ""
}

func (o *override) setKey(n *yaml.Node, t reflect.Type, segments []string) (wrong, right string) {
	if len(segments) == 0 {
		return "names a group of keys, not a value", "go on with " + o.variable + "__ and a key"
	}
	name := strings.ToLower(segments[0])
	k, ok := findKey(t, name)
	if !ok {
		return "unknown configuration variable", advise(t, name)
	}
	if strings.ToUpper(name) != segments[0] {
		return "unknown configuration variable", "write the name in capitals"
	}
	o.shape(n, yaml.MappingNode)
	if n.Kind != yaml.MappingNode {
		return "", ""
	}
	var value *yaml.Node
	for pair := range slices.Chunk(n.Content, 2) {
		if pair[0].Value == name {
			value = pair[1]
			break
		}
	}
	made := value == nil
	if made {
		value = &yaml.Node{}
	}
	wrong, right = o.set(value, t.Field(k.index).Type, segments[1:])
	if made && wrong == "" && value.Kind != 0 {
		n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: name}, value)
	}
	return wrong, right
}

func (o *override) setElement(n *yaml.Node, t reflect.Type, segments []string) (wrong, right string) {
	o.shape(n, yaml.SequenceNode)
	if n.Kind != yaml.SequenceNode {
		return "", ""
	}
	i, err := strconv.Atoi(segments[0])
	if err != nil || i < 0 || i > len(n.Content) {
		return fmt.Sprintf("%s is not an element of the list, which has %d", shown(segments[0]), len(n.Content)),
			"count from 0; the next free number adds an element"
	}
	if i < len(n.Content) {
		return o.set(n.Content[i], t.Elem(), segments[1:])
	}
	element := &yaml.Node{}
	wrong, right = o.set(element, t.Elem(), segments[1:])
	if wrong == "" && element.Kind != 0 {
		n.Content = append(n.Content, element)
	}
	return wrong, right
}

// shape makes an empty node one of the wanted kind. It stays without a place:
// what is missing in it is not this variable's fault.
func (o *override) shape(n *yaml.Node, kind yaml.Kind) {
	if isNull(n) {
		*n = yaml.Node{Kind: kind}
	}
}

// fill replaces a node by the variable's value and remembers whose it is.
func (o *override) fill(n *yaml.Node, with yaml.Node) {
	*n = with
	o.reader.variables[n] = o.variable
}
