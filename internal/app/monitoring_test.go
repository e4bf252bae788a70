package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.yaml.in/yaml/v3"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/handlers"
	"jtel.de/presencebridge/internal/expiry"
	"jtel.de/presencebridge/internal/forward"
	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/internal/graph/notification"
	"jtel.de/presencebridge/internal/graph/sdk"
	"jtel.de/presencebridge/internal/intake"
	"jtel.de/presencebridge/internal/sweep"
)

// family is what all samples of a metric have in common.
type family struct {
	kind, help string
	labels     []string // sorted
}

// everyMetric is what there is once each of our metrics has a sample.
func everyMetric(t *testing.T) map[string]family {
	t.Helper()
	m := newMetrics("1.2.3")
	m.callback(handlers.Outcome{Route: handlers.NotificationsPath, Status: 202, Read: 1, Open: 1, Store: 1, Refused: map[notification.Reason]int{notification.ReasonClientState: 1}})
	m.drop(handlers.DropSilent)
	m.lifecycle(graph.Lifecycle{})
	m.forward(func() forward.Status { return forward.Status{} })
	m.intake(intake.Outcome{Published: 1})
	m.coverage("contoso", events.Covered{})
	m.graphCall("contoso", sdk.Call{Route: "presence", Status: 200})
	m.signIn("contoso", "app", nil)
	m.signIn("contoso", "app", &graph.SignInError{})
	m.refresh("contoso", nil)
	m.sweep("contoso", sweep.Round{})
	m.sweep("contoso", sweep.Round{Err: errors.New("away")})
	m.found("contoso")
	m.stored(graph.OriginNotification, false, 0)
	m.offered([]events.Message{{}}, []events.Ack{{}}, 0)
	m.reloaded(nil)
	state := someState()
	state.subscriptions = func() []handlers.Subscription {
		now := time.Unix(1, 0)
		return []handlers.Subscription{{Tenant: "contoso", Account: "a", ExpiresAt: now, RenewedAt: now, LastDeliveryAt: now}}
	}
	m.registry.MustRegister(state, expiryMetrics{func() []expiry.Item {
		return []expiry.Item{{Kind: expiry.ClientSecret, State: expiry.Known}, {Kind: expiry.Password, State: expiry.Unknown}}
	}})

	families := map[string]family{}
	gathered, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range gathered {
		is := family{kind: strings.ToLower(f.GetType().String()), help: f.GetHelp()}
		for _, l := range f.GetMetric()[0].GetLabel() {
			is.labels = append(is.labels, l.GetName())
		}
		slices.Sort(is.labels)
		families[f.GetName()] = is
	}
	described := make(chan *prometheus.Desc, 1000)
	m.registry.Describe(described)
	close(described)
	for d := range described {
		name := regexp.MustCompile(`fqName: "([^"]*)"`).FindStringSubmatch(d.String())[1]
		if strings.HasPrefix(name, "presencebridge_") && families[name].kind == "" {
			t.Errorf("%s has no sample: let everyMetric make one", name)
		}
	}
	problems, err := testutil.GatherAndLint(m.registry)
	if err != nil || len(problems) > 0 {
		t.Errorf("not as Prometheus names metrics: %v, %v", problems, err)
	}
	return families
}

// docs/metrics.md has a row for each metric, generated from the code.
func TestMetricsAreDocumented(t *testing.T) {
	text := readText(t, "../../docs/metrics.md")
	families := everyMetric(t)
	var table strings.Builder
	for _, name := range slices.Sorted(maps.Keys(families)) {
		f := families[name]
		if !strings.HasPrefix(name, "presencebridge_") {
			continue
		}
		labels := "–"
		if len(f.labels) > 0 {
			labels = "`" + strings.Join(f.labels, "`, `") + "`"
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s |\n", name, f.kind, labels, f.help)
	}
	if !strings.Contains(text, "| --- | --- | --- | --- |\n"+table.String()+"\n") {
		t.Errorf("the table of docs/metrics.md must be:\n%s", table.String())
	}
}

// No label names people, and none has values without end.
func TestMetricsNameNobody(t *testing.T) {
	few := []string{"account", "cause", "class", "cover", "event", "freshness", "kind", "origin", "outcome", "reason", "route", "stage", "state", "status", "tenant", "version"}
	for name, f := range everyMetric(t) {
		for _, label := range f.labels {
			if strings.HasPrefix(name, "presencebridge_") && !slices.Contains(few, label) {
				t.Errorf("%s has a label %s: are its values few, and none of them a person?", name, label)
			}
		}
	}
}

func TestAlertsNameWhatExists(t *testing.T) {
	var file struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	if err := yaml.Unmarshal([]byte(readText(t, "../../deploy/prometheus/alerts.yaml")), &file); err != nil {
		t.Fatal(err)
	}
	families := everyMetric(t)
	runbook := headings(readText(t, "../../docs/operations.md"))
	tests := readText(t, "../../deploy/prometheus/alerts.test.yaml")
	alerts := map[string]bool{}
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			alerts[r.Alert] = true
			checkExpression(t, r.Alert, r.Expr, families)
			if runbook[r.Alert] == 0 {
				t.Errorf("docs/operations.md does not say under a heading %s what to do", r.Alert)
			}
			if r.For == "" || r.Annotations["summary"] == "" || r.Annotations["description"] == "" || !slices.Contains([]string{"critical", "warning"}, r.Labels["severity"]) {
				t.Errorf("%s lacks for, summary, description or a severity", r.Alert)
			}
			if !strings.Contains(tests, `alertname="`+r.Alert+`"`) {
				t.Errorf("alerts.test.yaml does not try %s", r.Alert)
			}
		}
	}
	if len(alerts) == 0 {
		t.Fatal("no alerts read")
	}
	for heading := range runbook {
		if strings.HasPrefix(heading, "PresenceBridge") && !alerts[heading] {
			t.Errorf("docs/operations.md has a heading %s, which is no alert", heading)
		}
	}
}

// Links within the runbook, and into it, lead somewhere.
func TestRunbookLinks(t *testing.T) {
	anchors := map[string]bool{}
	for heading := range headings(readText(t, "../../docs/operations.md")) {
		slug := regexp.MustCompile(`[^a-z0-9 -]`).ReplaceAllString(strings.ToLower(heading), "")
		anchors[strings.ReplaceAll(slug, " ", "-")] = true
	}
	for file, link := range map[string]string{
		"../../docs/operations.md": `\]\(#([^)]*)\)`, "../../docs/metrics.md": `operations\.md#([^)]*)\)`, "../../docs/configuration.md": `operations\.md#([^)]*)\)`,
	} {
		for _, m := range regexp.MustCompile(link).FindAllStringSubmatch(readText(t, file), -1) {
			if !anchors[m[1]] {
				t.Errorf("%s links to #%s, which no heading of the runbook has", file, m[1])
			}
		}
	}
}

// headings of a page, with how many characters follow before the next one.
func headings(page string) map[string]int {
	found, last := map[string]int{}, ""
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "#") {
			last = strings.TrimSpace(strings.TrimLeft(line, "#"))
		} else if last != "" {
			found[last] += len(strings.TrimSpace(line))
		}
	}
	return found
}

func TestDashboardNamesWhatExists(t *testing.T) {
	var dashboard struct {
		UID, Title string
		Panels     []struct {
			ID                       int
			Type, Title, Description string
			Targets                  []struct{ Expr string }
		}
		Templating struct {
			List []struct{ Name, Definition string }
		}
	}
	if err := json.Unmarshal([]byte(readText(t, "../../deploy/grafana/dashboard.json")), &dashboard); err != nil {
		t.Fatal(err)
	}
	families, ids, shown := everyMetric(t), map[int]bool{}, ""
	for _, p := range dashboard.Panels {
		if ids[p.ID] || p.Title == "" {
			t.Errorf("panel %d %q: its id is taken, or it has no title", p.ID, p.Title)
		}
		ids[p.ID] = true
		if p.Type != "row" && (len(p.Targets) == 0 || p.Description == "") {
			t.Errorf("panel %q shows nothing, or does not say what", p.Title)
		}
		for _, target := range p.Targets {
			checkExpression(t, p.Title, target.Expr, families)
			shown += target.Expr + "\n"
		}
	}
	for _, v := range dashboard.Templating.List {
		if v.Definition != "" {
			checkExpression(t, "variable "+v.Name, v.Definition, families)
		}
	}
	if dashboard.UID != "presencebridge" || !strings.Contains(shown, "$tenant") || !strings.Contains(shown, "$instance") {
		t.Error("the dashboard has another uid, or no variables")
	}
}

var (
	metricInText   = regexp.MustCompile(`\b(?:presencebridge|process|go|up)(?:_[a-z_]+)?\b(\{[^}]*\})?`)
	matcherInText  = regexp.MustCompile(`([a-z_]+)\s*(?:=~|!~|!=|=)\s*"`)
	groupingInText = regexp.MustCompile(`\bby \(([a-z, ]*)\)`)
)

// checkExpression holds the metrics and labels of an expression against ours.
// What it means is promtool's to judge: see deploy/prometheus.
func checkExpression(t *testing.T, where, expression string, families map[string]family) {
	t.Helper()
	fromOutside := []string{"job", "instance", "le"} // Prometheus adds them
	used := map[string]bool{}
	for _, m := range metricInText.FindAllStringSubmatch(regexp.MustCompile(`"[^"]*"`).ReplaceAllString(expression, `""`), -1) {
		name, _, _ := strings.Cut(m[0], "{")
		if name == "up" {
			continue
		}
		f := families[name]
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			if base, ok := strings.CutSuffix(name, suffix); ok && f.kind == "" {
				f = families[base]
			}
		}
		if f.kind == "" {
			t.Errorf("%s: there is no metric %s", where, name)
			continue
		}
		for _, l := range f.labels {
			used[l] = true
		}
		for _, matcher := range matcherInText.FindAllStringSubmatch(m[1], -1) {
			if l := matcher[1]; !slices.Contains(f.labels, l) && !slices.Contains(fromOutside, l) {
				t.Errorf("%s: %s has no label %s", where, name, l)
			}
		}
	}
	for _, m := range groupingInText.FindAllStringSubmatch(expression, -1) {
		for _, l := range strings.Split(strings.ReplaceAll(m[1], " ", ""), ",") {
			if !used[l] && !slices.Contains(fromOutside, l) {
				t.Errorf("%s: it groups by %s, which no metric in it has", where, l)
			}
		}
	}
}

func readText(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
