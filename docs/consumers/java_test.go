//go:build node

package consumers_test

import (
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/broker"
)

// jnatsJar names the library's jar file: it comes from Maven Central, which is
// not reachable everywhere.
const jnatsJar = "PRESENCEBRIDGE_JNATS_JAR"

// TestJava compiles the consumer and, where the library is there, demands of it
// what TestNode demands. Without the library nothing but its names may be wrong;
// without a compiler TestJavaKeepsTheContract is what can be known.
func TestJava(t *testing.T) {
	jar, classes := os.Getenv(jnatsJar), t.TempDir()
	compiler, err := exec.LookPath("javac")
	if err != nil && jar == "" {
		t.Log("no javac: only TestJavaKeepsTheContract looks at the consumer")
		return
	}
	compile := exec.CommandContext(t.Context(), compiler, "-Xlint:all", "-Xmaxerrs", "1000", "-d", classes, "java/Consumer.java")
	if jar != "" {
		compile.Args = append(compile.Args, "-cp", jar)
	}
	out, err := compile.CombinedOutput()
	if jar == "" {
		for line := range strings.Lines(string(out)) {
			if strings.Contains(line, "error:") && !strings.Contains(line, "does not exist") && !strings.Contains(line, "cannot find symbol") {
				t.Error(line)
			}
		}
		if err == nil {
			t.Error("it compiles without jnats: is it a consumer at all?")
		}
		return
	}
	if err != nil {
		t.Fatalf("javac: %v\n%s", err, out)
	}

	server, err := broker.Start(broker.Options{Dir: t.TempDir(), Listen: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	p := bridge(t, server)
	run := func() *process { return startCommand(t, "", server.URL(), "java", "-cp", jar+":"+classes, "Consumer") }
	publish(t, p, "Busy", "1")
	java := run()
	java.want("agent1@contoso.com Busy")
	publish(t, p, "Away", "2")
	java.want("agent1@contoso.com Away")
	java.end()
	subject, err := events.UserSubject(tenant, agent1)
	if err != nil {
		t.Fatal(err)
	}
	if acks := p.Publish(t.Context(), []events.Message{{Subject: subject, ID: "x", Data: []byte("{}")}}); acks[0].Err != nil {
		t.Fatal(acks[0].Err)
	}
	publish(t, p, "Available", "4")
	java = run()
	java.want("agent1@contoso.com Available")
	if err := p.Purge(t.Context(), tenant, agent1); err != nil {
		t.Fatal(err)
	}
	java.want(agent1 + " left")
	java.end()
}
