package app

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "jtel.de/presencebridge"

// room is what a package may import of ours, what it must never touch, and
// whether it may start goroutines. docs/architecture.md shows the same table.
type room struct {
	imports []string // of ours, below the module
	never   []string // import paths, with everything below them
	starts  bool     // go statements
}

// Names of what rooms must not touch.
const (
	useEcho  = "github.com/labstack/echo"
	useNATS  = "github.com/nats-io"
	useGraph = "github.com/microsoftgraph"
	useAzure = "github.com/Azure"
	useHTTP  = "net/http"
)

var rooms = map[string]room{
	"docs":                        {never: []string{module, useEcho, useNATS, useGraph, useAzure, useHTTP}},
	"events":                      {never: []string{useEcho, useGraph, useAzure, useHTTP}},
	"handlers":                    {imports: []string{"internal/graph", "internal/graph/notification"}, never: []string{useNATS, useGraph, useAzure}},
	"subscriptions":               {imports: []string{"internal/graph"}, never: []string{useEcho, useNATS, useHTTP, useGraph, useAzure}},
	"internal/graph":              {never: []string{useEcho, useNATS, useGraph, useAzure, useHTTP}},
	"internal/graph/signin":       {imports: []string{"internal/graph"}, never: []string{useEcho, useNATS, useGraph}},
	"internal/graph/sdk":          {imports: []string{"internal/graph"}, never: []string{useEcho, useNATS}},
	"internal/graph/libcrypto":    {never: []string{module, useEcho, useNATS, useGraph, useAzure, useHTTP}},
	"internal/graph/notification": {imports: []string{"internal/graph"}, never: []string{useEcho, useNATS, useGraph, useAzure}},
	"internal/broker":             {never: []string{useEcho, useGraph, useAzure}},
	"internal/forward":            {imports: []string{"events"}, never: []string{useEcho, useGraph, useAzure, useHTTP}},
	"internal/people":             {imports: []string{"internal/graph"}, never: []string{useEcho, useNATS, useGraph, useAzure}},
	"internal/intake":             {imports: []string{"events", "internal/graph", "internal/people"}, never: []string{useEcho, useHTTP, useNATS, useGraph, useAzure}},
	"internal/sweep":              {imports: []string{"internal/graph"}, never: []string{useEcho, useNATS, useGraph, useAzure}},
	"internal/coverage":           {imports: []string{"events", "internal/graph"}, never: []string{useEcho, useHTTP, useNATS, useGraph, useAzure}},
	"internal/graph/admin":        {imports: []string{"internal/graph", "internal/graph/sdk"}, never: []string{useEcho, useNATS, useAzure}},
	"internal/setup":              {imports: []string{"internal/graph", "internal/graph/admin"}, never: []string{useEcho, useNATS, useHTTP, useGraph, useAzure}},
	"internal/expiry":             {imports: []string{"internal/graph"}, never: []string{useEcho, useNATS, useGraph, useAzure}},
	"internal/board":              {imports: []string{"events", "internal/graph"}, never: []string{useEcho, useHTTP, useGraph, useAzure}},
	"internal/trail":              {imports: []string{"events", "internal/graph", "internal/intake"}, never: []string{useEcho, useHTTP, useNATS, useGraph, useAzure}},
	"internal/inquiry":            {imports: []string{"docs", "events", "internal/graph", "internal/people"}, never: []string{useEcho, useHTTP, useGraph, useAzure}},
	"internal/tracing":            {never: []string{module, useEcho, useNATS, useGraph, useAzure}},
	"internal/lease":              {never: []string{module, useEcho, useGraph, useAzure, useHTTP}},
	"internal/vault":              {never: []string{useEcho, useGraph, useAzure}},
	"internal/config":             {never: []string{useEcho, useNATS, useGraph, useAzure}},
	"internal/rules":              {imports: []string{"events"}, never: []string{useEcho, useNATS, useGraph, useAzure, useHTTP, "os", "log"}},
	"internal/graphsim":           {never: []string{module, useEcho, useNATS, useGraph, useAzure}, starts: true},
	"internal/check": {
		imports: []string{"events", "internal/config", "internal/expiry", "internal/graph", "internal/graph/sdk", "internal/graph/signin", "internal/people"},
		never:   []string{useEcho, useGraph},
	},
	"internal/acme": {never: []string{module, useEcho, useNATS, useGraph, useAzure}},
	"internal/app": {
		imports: []string{"events", "handlers", "subscriptions", "internal/acme", "internal/board", "internal/broker", "internal/check", "internal/config", "internal/coverage", "internal/expiry", "internal/forward", "internal/graph", "internal/graph/libcrypto", "internal/graph/notification",
			"internal/graph/sdk", "internal/graph/signin", "internal/inquiry", "internal/intake", "internal/lease", "internal/people", "internal/setup", "internal/graph/admin", "internal/sweep", "internal/trail", "internal/vault"},
		never: []string{"os/signal", "flag", "github.com/spf13"}, starts: true,
	},
	"internal/demo": {imports: []string{"internal/app", "internal/config", "internal/graphsim"}, starts: true},
	"internal/bench": {imports: []string{"events", "internal/app", "internal/broker", "internal/config", "internal/demo", "internal/graph/libcrypto", "internal/graph/notification",
		"internal/graphsim", "internal/vault"}, starts: true},
	"cmd/acdadapter":     {imports: []string{"events", "internal/rules"}, never: []string{useEcho, useGraph, useAzure}, starts: true},
	"cmd/presencebridge": {imports: []string{"internal/app", "internal/check", "internal/config", "internal/demo", "internal/graphsim", "internal/people", "internal/setup", "internal/tracing", "internal/trail"}},
}

func TestRooms(t *testing.T) {
	root := "../.."
	seen := map[string]bool{}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == ".git" || d.Name() == "testdata") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		relative, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		name := path.Dir(filepath.ToSlash(relative))
		seen[name] = true
		r, listed := rooms[name]
		if !listed {
			t.Errorf("%s: package %s is in no room; give it a line in this test and in docs/architecture.md", relative, name)
			return nil
		}
		checkFile(t, file, relative, r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range rooms {
		if !seen[name] {
			t.Errorf("room %s is empty", name)
		}
	}
}

func checkFile(t *testing.T, file, relative string, r room) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		if ours, ok := strings.CutPrefix(imported, module+"/"); ok && !slices.Contains(r.imports, ours) {
			t.Errorf("%s must not import %s", relative, imported)
		}
		for _, forbidden := range r.never {
			if imported == forbidden || strings.HasPrefix(imported, forbidden+"/") {
				t.Errorf("%s must never touch %s", relative, imported)
			}
		}
	}
	if r.starts {
		return
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			t.Errorf("%s has a go statement: block in a Run and let internal/app start it", relative)
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Go" {
				t.Errorf("%s starts a goroutine by a Go method: block in a Run and let internal/app start it", relative)
			}
		}
		return true
	})
}

// The table in the documentation is the one that is tested.
func TestRoomsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	for name := range rooms {
		if !strings.Contains(string(text), "| `"+name+"` |") {
			t.Errorf("docs/architecture.md has no row for %s", name)
		}
	}
	for _, line := range strings.Split(string(text), "\n") {
		name, ok := strings.CutPrefix(line, "| `")
		if !ok {
			continue
		}
		name, _, _ = strings.Cut(name, "`")
		if _, ok := rooms[name]; !ok {
			t.Errorf("docs/architecture.md has a row for %s, which is no room", name)
		}
	}
}
