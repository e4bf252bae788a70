package config

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

var (
	secretType   = reflect.TypeFor[Secret]()
	durationType = reflect.TypeFor[time.Duration]()
	levelType    = reflect.TypeFor[slog.Level]()
)

// reader turns a tree of YAML nodes into a Config and collects the mistakes.
type reader struct {
	file      string                // name of the configuration file, for places
	dir       string                // where relative paths count from
	variables map[*yaml.Node]string // nodes that the environment put in, with the variable's name
	places    map[string]Place      // where each key path was written
	written   map[string]bool       // the key paths that hold a value, not nothing
	mistakes  Mistakes
	// faults holds the key paths that are wrong: true if nothing at or below the
	// path could be read, false if only the value is no good.
	faults map[string]bool
}

// place of a node.
func (r *reader) place(n *yaml.Node) Place {
	if name, ok := r.variables[n]; ok {
		return Place{Variable: name}
	}
	return Place{File: r.file, Line: n.Line, Column: n.Column}
}

// wrong reports a mistake at a key, or where the key would have to be written.
// What is wrong already is not reported again.
func (r *reader) wrong(path, wrong, right string) {
	if r.isWrong(path) {
		return
	}
	at := path
	for ; at != ""; at = parent(at) {
		if _, ok := r.places[at]; ok {
			break
		}
	}
	place, ok := r.places[at]
	if !ok {
		place = Place{File: r.file}
	}
	r.faults[path] = false
	r.add(place, path, wrong, right)
}

// isWrong reports whether a mistake at this key is known, or one that hides it.
func (r *reader) isWrong(path string) bool {
	if _, told := r.faults[path]; told {
		return true
	}
	for path != "" && !r.faults[path] {
		path = parent(path)
	}
	return r.faults[path]
}

// unread reports a node that cannot be read at all.
func (r *reader) unread(n *yaml.Node, path, wrong, right string) {
	r.faults[path] = true
	r.add(r.place(n), path, wrong, right)
}

func (r *reader) add(place Place, path, wrong, right string) {
	r.mistakes.List = append(r.mistakes.List, Mistake{Place: place, Key: path, Wrong: wrong, Right: right})
}

// parent of tenants[0].name is tenants[0], whose parent is tenants.
func parent(path string) string { return path[:max(0, strings.LastIndexAny(path, ".["))] }

// group decodes a mapping into a struct.
func (r *reader) group(n *yaml.Node, path string, v reflect.Value) {
	r.places[path] = r.place(n)
	if isNull(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		r.unread(n, path, "must be a group of keys, not "+kind(n), "write each key on an indented line of its own")
		return
	}
	lines := map[string]int{}
	for pair := range slices.Chunk(n.Content, 2) {
		name, value := pair[0], pair[1]
		if name.Kind != yaml.ScalarNode {
			r.add(r.place(name), path, "a key must be a plain word, not "+kind(name), "")
			continue
		}
		at := join(path, name.Value)
		k, ok := findKey(v.Type(), name.Value)
		if !ok {
			r.add(r.place(name), join(path, strings.Trim(shown(name.Value), `"`)), "unknown key", advise(v.Type(), name.Value))
			continue
		}
		if first, twice := lines[k.name]; twice {
			r.add(r.place(name), at, fmt.Sprintf("given twice, the first time in line %d", first), "keep one")
			continue
		}
		lines[k.name] = name.Line
		r.value(value, at, k, v.Field(k.index))
	}
}

// value decodes whatever stands behind a key.
func (r *reader) value(n *yaml.Node, path string, k key, v reflect.Value) {
	r.places[path] = r.place(n)
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		r.unread(n, path, "anchors and aliases are not supported", "write the value out; a text that starts with * or & must be in quotes")
	case n.Style&yaml.TaggedStyle != 0:
		r.unread(n, path, "tags are not supported", "a text that starts with ! must be in quotes")
	case isGroup(v.Type()):
		r.group(n, path, v)
	case isNull(n):
	case v.Kind() == reflect.Slice:
		r.list(n, path, k, v)
	case n.Kind != yaml.ScalarNode:
		r.unread(n, path, "must be one value, not "+kind(n), "")
	default:
		r.written[path] = n.Value != ""
		if wrong, right := r.scalar(n.Value, k, v); wrong != "" {
			r.unread(n, path, wrong, right)
		}
	}
}

// list decodes a sequence into a slice.
func (r *reader) list(n *yaml.Node, path string, k key, v reflect.Value) {
	if n.Kind != yaml.SequenceNode {
		r.unread(n, path, "must be a list, not "+kind(n), "write each element on a line that starts with -, or all in [ ]")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, element := range n.Content {
		at := fmt.Sprintf("%s[%d]", path, i)
		if isNull(element) {
			r.unread(element, at, "is empty", "drop it or fill it in")
			continue
		}
		setDefaults(v.Index(i))
		r.value(element, at, k, v.Index(i))
	}
}

// scalar sets one value from its text, and says what is wrong with it and what
// would be right.
func (r *reader) scalar(text string, k key, v reflect.Value) (wrong, right string) {
	if k.path && text != "" && !filepath.IsAbs(text) {
		text = filepath.Join(r.dir, text)
	}
	switch {
	case v.Type() == secretType:
		if text == "" || v.Interface().(Secret).IsSet() {
			return "", "" // two sources of one secret are found when they are counted
		}
		secret := NewSecret(text)
		if k.path {
			secret = SecretFile(text)
		}
		v.Set(reflect.ValueOf(secret))
	case v.Type() == durationType:
		d, err := time.ParseDuration(text)
		if err != nil {
			return shown(text) + " is not a duration", "write it like 30s, 5m or 1h"
		}
		v.SetInt(int64(d))
	case v.Type() == levelType:
		level, ok := levels[text]
		if !ok {
			return shown(text) + " is not a log level", "write debug, info, warn or error"
		}
		v.SetInt(int64(level))
	case v.Kind() == reflect.Bool:
		if text != "true" && text != "false" {
			return shown(text) + " is neither true nor false", "write true or false"
		}
		v.SetBool(text == "true")
	case v.Kind() == reflect.Int:
		number, err := strconv.Atoi(text)
		if err != nil {
			return shown(text) + " is not a whole number", "write it like 3"
		}
		v.SetInt(int64(number))
	default:
		v.SetString(text)
	}
	return "", ""
}

var levels = map[string]slog.Level{
	"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
}

// setDefaults fills a new struct from the default tags of its fields.
func setDefaults(v reflect.Value) {
	if !isGroup(v.Type()) {
		return
	}
	var r reader
	for i := range v.NumField() {
		text, ok := v.Type().Field(i).Tag.Lookup("default")
		if !ok {
			setDefaults(v.Field(i))
		} else if wrong, _ := r.scalar(text, key{}, v.Field(i)); wrong != "" {
			panic("default of " + v.Type().Field(i).Name + ": " + wrong)
		}
	}
}

func isNull(n *yaml.Node) bool {
	return n.Kind == 0 || n.Kind == yaml.ScalarNode && n.Tag == "!!null"
}

// kind names the shape of a node without its content, which may be a secret.
func kind(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a group of keys"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	return "a single value"
}
