package config

import (
	"reflect"
	"slices"
	"strings"
)

// key is one key of a mapping and the field that it fills.
type key struct {
	name  string
	index int  // of the field in its struct
	path  bool // the value names a file or directory, relative to the configuration file
}

// keysOf lists the keys of a configuration struct in the order of its fields.
func keysOf(t reflect.Type) []key {
	var keys []key
	for i := range t.NumField() {
		f := t.Field(i)
		for name := range strings.SplitSeq(f.Tag.Get("key"), ",") {
			secretFile := f.Type == secretType && strings.HasSuffix(name, "_file")
			keys = append(keys, key{name: name, index: i, path: secretFile || f.Tag.Get("is") != ""})
		}
	}
	return keys
}

func findKey(t reflect.Type, name string) (key, bool) {
	keys := keysOf(t)
	i := slices.IndexFunc(keys, func(k key) bool { return k.name == name })
	if i < 0 {
		return key{}, false
	}
	return keys[i], true
}

// isGroup reports whether values of the type are mappings of further keys.
func isGroup(t reflect.Type) bool { return t.Kind() == reflect.Struct && t != secretType }

// walk calls visit for the path and field of every key below t that holds a
// value; elements of lists are written [].
func walk(t reflect.Type, prefix string, visit func(path string, f reflect.StructField)) {
	for _, k := range keysOf(t) {
		f := t.Field(k.index)
		path := join(prefix, k.name)
		switch {
		case isGroup(f.Type):
			walk(f.Type, path, visit)
		case f.Type.Kind() == reflect.Slice && isGroup(f.Type.Elem()):
			walk(f.Type.Elem(), path+"[]", visit)
		default:
			visit(path, f)
		}
	}
}

func join(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + "." + name
}

// advise says what was probably meant by an unknown key: a neighbour spelled
// nearly the same, or the same name where it belongs.
func advise(t reflect.Type, name string) string {
	best, bestDistance := "", len(name)/3+1
	for _, k := range keysOf(t) {
		if d := distance(strings.ToLower(name), k.name); d < bestDistance {
			best, bestDistance = k.name, d
		}
	}
	if best != "" {
		return "did you mean " + best + "?"
	}
	var elsewhere []string
	walk(reflect.TypeFor[Config](), "", func(path string, _ reflect.StructField) {
		if path == name || strings.HasSuffix(path, "."+name) {
			elsewhere = append(elsewhere, path)
		}
	})
	if elsewhere != nil {
		return "it belongs at " + strings.Join(elsewhere, " or ")
	}
	var names []string
	for _, k := range keysOf(t) {
		names = append(names, k.name)
	}
	return "known here are " + strings.Join(names, ", ")
}

// distance is how many letters must be added, dropped or changed (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
