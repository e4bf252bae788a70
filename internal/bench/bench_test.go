package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
)

// The bench starts its own program as the process under test: here that is the
// test's.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == subject {
		if err := run(context.Background(), os.Args[1:], os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// A short run gives every figure, in the form that is promised, and the
// documentation explains it. What the values are is not tested.
func TestBench(t *testing.T) {
	docs, err := os.ReadFile("../../docs/performance.md")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	args := []string{"--output", "json", "--rounds", "1", "--for", "200ms", "--only", "go/interval", "--crowd", "50"}
	if err := run(t.Context(), args, nil, &out); err != nil {
		t.Fatal(err)
	}
	var names []string
	for decoder := json.NewDecoder(&out); ; {
		var line map[string]any
		if err := decoder.Decode(&line); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		name, _ := line["name"].(string)
		names = append(names, name)
		for _, number := range []string{"value", "limit", "ratio"} {
			if n, ok := line[number].(float64); !ok || n <= 0 {
				t.Errorf("%s: %s is %v", name, number, line[number])
			}
		}
		if unit, _ := line["unit"].(string); unit == "" || len(line) != 5 {
			t.Errorf("%s: members %v", name, line)
		}
		if !strings.Contains(string(docs), "`"+name+"`") {
			t.Errorf("docs/performance.md does not tell %s", name)
		}
	}
	want := []string{
		"rich_go_50_sync_interval", "rich_go_1_sync_interval", "plain_50_sync_interval", "plain_1_sync_interval",
		"latency_go_sync_interval_p50", "latency_go_sync_interval_p99",
		"nats_50_sync_interval", "nats_1_sync_interval", "https_1_sync_interval",
		"overload_go_sync_interval_handshake_p99", "overload_go_sync_interval_longest_answer", "overload_go_sync_interval_memory",
	}
	if !slices.Equal(names, want) {
		t.Errorf("figures %v", names)
	}
}

func TestFigures(t *testing.T) {
	for _, c := range []struct {
		f    figure
		want string
	}{
		{figure{Ratio: 0.9, goal: 0.9}, "yes"},
		{figure{Ratio: 0.89, goal: 0.9}, "no"},
		{figure{Ratio: 1, goal: -1}, "yes"},
		{figure{Ratio: 1.01, goal: -1}, "no"},
		{figure{Ratio: 5}, ""},
	} {
		if got := c.f.reached(); got != c.want {
			t.Errorf("%+v: %q", c.f, got)
		}
	}
	if m := median([]float64{3, 1, 2}); m != 2 {
		t.Errorf("median %v", m)
	}
	if m := median([]float64{4, 1, 2, 3}); m != 2.5 {
		t.Errorf("median of four %v", m)
	}
	if q := quantile([]float64{3, 1, 2}, 0.99); q != 3 {
		t.Errorf("quantile %v", q)
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{"--output", "xml"}, {"extra"}, {"--rounds", "0"}, {"--for", "0s"}} {
		if err := run(t.Context(), args, nil, io.Discard); err == nil || !strings.Contains(err.Error(), "usage") {
			t.Errorf("%v: %v", args, err)
		}
	}
}
