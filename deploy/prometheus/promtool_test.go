//go:build promtool

// Package prometheus_test has Prometheus itself judge the alert rules and the
// expressions of the dashboard. It needs promtool, hence the build tag;
// scripts/check sets it.
package prometheus_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestRules(t *testing.T) {
	promtool(t, "check", "rules", "alerts.yaml")
	promtool(t, "test", "rules", "alerts.test.yaml")
	promtool(t, "check", "config", "--syntax-only", "prometheus.example.yaml")
}

// The expressions of the dashboard are tried as recording rules.
func TestDashboard(t *testing.T) {
	text, err := os.ReadFile("../grafana/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct{ Targets []struct{ Expr string } }
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	rules, n := "groups:\n- name: dashboard\n  rules:\n", 0
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			expr, err := json.Marshal(strings.NewReplacer("$__rate_interval", "5m", "$instance", ".*", "$tenant", ".*").Replace(target.Expr))
			if err != nil {
				t.Fatal(err)
			}
			n++
			rules += fmt.Sprintf("  - {record: 'panel:%d', expr: %s}\n", n, expr)
		}
	}
	if n == 0 {
		t.Fatal("the dashboard asks for nothing")
	}
	file := filepath.Join(t.TempDir(), "dashboard.yaml")
	if err := os.WriteFile(file, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "check", "rules", file)
}

func promtool(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "promtool", args...).CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}
