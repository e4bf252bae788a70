// Package lint_test judges what is deployed by the tools that will read it: the
// Dockerfile by BuildKit's parser and its checks, the compose file by Compose's
// own loader, the Kubernetes manifests by Kustomize and by the API's types. It is
// a module of its own, so that nothing of these tools is in the service's.
package lint_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	compose "github.com/compose-spec/compose-go/v2/types"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

func TestDockerfile(t *testing.T) {
	text, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	file, err := parser.Parse(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range file.Warnings {
		t.Errorf("%v: %s", w.Location, w.Short)
	}
	rules := linter.New(&linter.Config{Warn: func(rule, _, _, message string, at []parser.Range) {
		t.Errorf("%s: %s %v", rule, message, at)
	}})
	stages, _, err := instructions.Parse(file.AST, rules)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range stages[1:] {
		var user, entry bool
		for _, c := range s.Commands {
			switch c := c.(type) {
			case *instructions.UserCommand:
				user = strings.HasPrefix(c.User, "65532")
			case *instructions.EntrypointCommand:
				entry = !c.PrependShell
			case *instructions.RunCommand:
				t.Errorf("stage %s runs a command: there is no shell in it", s.Name)
			}
		}
		if !user || !entry || !strings.Contains(s.BaseName, "distroless/base-debian12") {
			t.Errorf("stage %s: unprivileged user %t, entrypoint without a shell %t, from %s", s.Name, user, entry, s.BaseName)
		}
	}
}

func TestCompose(t *testing.T) {
	const dir = "../compose"
	text, err := os.ReadFile(filepath.Join(dir, "compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	project, err := loader.LoadWithContext(t.Context(), compose.ConfigDetails{
		WorkingDir: abs, ConfigFiles: []compose.ConfigFile{{Filename: "compose.yaml", Content: text}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range project.Services {
		if !s.ReadOnly || s.Privileged || !slices.Contains(s.CapDrop, "ALL") || s.Restart == "" {
			t.Errorf("%s is not hardened", name)
		}
		for _, v := range s.Volumes {
			if _, err := os.Stat(v.Source); v.Type == compose.VolumeTypeBind && err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if s.Image != "" && !strings.Contains(s.Image, ":") {
			t.Errorf("%s: image %s without a version", name, s.Image)
		}
	}
	if got := len(project.Services); got != 7 {
		t.Errorf("%d services", got)
	}
	if !project.Networks["bus"].Internal {
		t.Error("the bus can be reached from outside")
	}
}

func TestKubernetes(t *testing.T) {
	kustomizer := krusty.MakeKustomizer(krusty.MakeDefaultOptions())
	resources, err := kustomizer.Run(filesys.MakeFsOnDisk(), "../kubernetes")
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, r := range resources.Resources() {
		text, err := r.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		kinds[r.GetKind()]++
		into := map[string]any{
			"StatefulSet": new(apps.StatefulSet), "Service": new(core.Service), "ServiceAccount": new(core.ServiceAccount),
			"ConfigMap": new(core.ConfigMap), "PodDisruptionBudget": new(policy.PodDisruptionBudget), "NetworkPolicy": new(networking.NetworkPolicy),
		}[r.GetKind()]
		if into == nil {
			t.Errorf("kind %s is not checked", r.GetKind())
			continue
		}
		// Strict: what the API does not know is a mistake.
		if err := yaml.UnmarshalStrict(text, into); err != nil {
			t.Errorf("%s %s: %v", r.GetKind(), r.GetName(), err)
		}
		if r.GetNamespace() != "presencebridge" {
			t.Errorf("%s %s is in namespace %q", r.GetKind(), r.GetName(), r.GetNamespace())
		}
		if s, ok := into.(*apps.StatefulSet); ok {
			checkPod(t, s.Spec.Template, s.Spec.Selector.MatchLabels)
			if n := s.Spec.Replicas; n == nil || *n < 2 {
				t.Error("nobody acts while the only bridge is replaced")
			}
		}
	}
	if want := "map[ConfigMap:1 NetworkPolicy:1 PodDisruptionBudget:1 Service:2 ServiceAccount:1 StatefulSet:1]"; fmt.Sprint(kinds) != want {
		t.Errorf("got %v", kinds)
	}
}

// checkPod looks at what the types allow and security does not.
func checkPod(t *testing.T, pod core.PodTemplateSpec, selector map[string]string) {
	t.Helper()
	for k, v := range selector {
		if pod.Labels[k] != v {
			t.Errorf("the selector's %s=%s is no label of the pod", k, v)
		}
	}
	c := pod.Spec.Containers[0]
	ports := map[string]bool{}
	for _, p := range c.Ports {
		ports[p.Name] = true
	}
	for name, probe := range map[string]*core.Probe{"startup": c.StartupProbe, "liveness": c.LivenessProbe, "readiness": c.ReadinessProbe} {
		if probe == nil || !ports[probe.HTTPGet.Port.StrVal] {
			t.Errorf("the %s probe is missing or asks an unknown port", name)
		}
	}
	mounted := map[string]bool{}
	for _, m := range c.VolumeMounts {
		mounted[m.Name] = true
	}
	for _, v := range pod.Spec.Volumes {
		if !mounted[v.Name] {
			t.Errorf("volume %s is mounted nowhere", v.Name)
		}
	}
	s := c.SecurityContext
	if s == nil || !*s.ReadOnlyRootFilesystem || *s.AllowPrivilegeEscalation || !*pod.Spec.SecurityContext.RunAsNonRoot ||
		!slices.Contains(s.Capabilities.Drop, "ALL") || len(c.Env) > 0 || len(c.EnvFrom) > 0 {
		t.Error("the container may do more than it needs, or gets secrets by its environment")
	}
}
