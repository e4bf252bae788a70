package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Load reads the configuration file at path, lets the variables of environ
// (as of [os.Environ]) override it, and checks everything. The error is
// [*Mistakes] unless the file cannot be read at all.
func Load(path string, environ []string) (*Config, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	return Parse(path, data, environ)
}

// Parse is Load for a file that is read already; path names it in mistakes and
// says where relative paths count from.
func Parse(path string, data []byte, environ []string) (*Config, error) {
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("find directory of %s: %w", path, err)
	}
	r := &reader{
		file: path, dir: dir,
		variables: map[*yaml.Node]string{}, places: map[string]Place{}, written: map[string]bool{},
		faults: map[string]bool{},
	}
	c := new(Config)
	setDefaults(reflect.ValueOf(c).Elem())
	if root, ok := r.tree(data); ok {
		r.override(root, environ)
		r.group(root, "", reflect.ValueOf(c).Elem())
		r.check(c)
	}
	if len(r.mistakes.List) > 0 {
		r.mistakes.sort()
		return nil, &r.mistakes
	}
	return c, nil
}

// tree parses the text. Without a tree there is nothing further to check.
func (r *reader) tree(data []byte) (root *yaml.Node, ok bool) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document, second yaml.Node
	err := decoder.Decode(&document)
	if errors.Is(err, io.EOF) {
		return &yaml.Node{}, true // an empty file; the environment may say everything
	}
	if err != nil {
		r.add(r.syntax(err))
		return nil, false
	}
	switch err = decoder.Decode(&second); {
	case err == nil:
		r.add(r.place(&second), "", "a second document begins here", "keep one configuration in the file")
	case !errors.Is(err, io.EOF):
		r.add(r.syntax(err))
		return nil, false
	}
	return document.Content[0], true
}

var syntaxLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// syntax explains an error of the YAML parser. Its texts are constant but for
// one, which repeats an anchor's name: that may be a password with a * in front.
func (r *reader) syntax(err error) (place Place, path, wrong, right string) {
	m := syntaxLine.FindStringSubmatch(err.Error())
	if m == nil || strings.Contains(err.Error(), "unknown anchor") {
		return Place{File: r.file}, "", "not valid YAML", "a text that starts with * must be in quotes"
	}
	line, _ := strconv.Atoi(m[1])
	return Place{File: r.file, Line: line}, "", "not valid YAML: " + m[2],
		"look at the indentation there and below, and put texts with : # or quotes into single quotes"
}
