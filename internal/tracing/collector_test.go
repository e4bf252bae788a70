package tracing_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"jtel.de/presencebridge/internal/tracing"
)

// newCollector takes traces as one over OTLP/HTTP does.
func newCollector(t *testing.T, status int) (*httptest.Server, chan *collector.ExportTraceServiceRequest, *http.Header) {
	t.Helper()
	got, header := make(chan *collector.ExportTraceServiceRequest, 10), new(http.Header)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var request collector.ExportTraceServiceRequest
		if err == nil {
			err = proto.Unmarshal(body, &request)
		}
		if err != nil || r.URL.Path != "/v1/traces" {
			t.Errorf("%s: %v", r.URL, err)
		}
		*header = r.Header
		w.WriteHeader(status)
		got <- &request
	}))
	t.Cleanup(server.Close)
	return server, got, header
}

func TestSpansArrive(t *testing.T) {
	server, got, header := newCollector(t, http.StatusOK)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20a-secret")
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
	tracer, stop, err := tracing.Start(t.Context(), os.Getenv, "1.2.3", slog.New(slog.DiscardHandler))
	if err != nil || tracer == nil {
		t.Fatalf("tracer %v, %v", tracer, err)
	}
	_, span := tracer.Start(t.Context(), "a span")
	span.End()
	stop()

	request := <-got
	if n := request.ResourceSpans[0].ScopeSpans[0].Spans[0].Name; n != "a span" {
		t.Errorf("span %q", n)
	}
	about := map[string]string{}
	for _, a := range request.ResourceSpans[0].Resource.Attributes {
		about[a.Key] = a.Value.GetStringValue()
	}
	if about["service.name"] != "presencebridge" || about["service.version"] != "1.2.3" || about["deployment.environment.name"] != "test" {
		t.Errorf("resource %v", about)
	}
	if h := header.Get("Authorization"); h != "Bearer a-secret" {
		t.Errorf("authorization %q", h)
	}
}

// What is wrong with the collector is said once, without what is secret about it.
func TestARefusalIsLogged(t *testing.T) {
	server, _, _ := newCollector(t, http.StatusForbidden)
	var log bytes.Buffer
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", server.URL+"/v1/traces")
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20a-secret")
	tracer, stop, err := tracing.Start(t.Context(), os.Getenv, "1.2.3", slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		_, span := tracer.Start(t.Context(), "a span")
		span.End()
	}
	stop()
	if text := log.String(); !strings.Contains(text, "not sent") || !strings.Contains(text, "403") || strings.Contains(text, "a-secret") {
		t.Errorf("log:\n%s", text)
	}
}

func TestOffUnlessWanted(t *testing.T) {
	for name, env := range map[string]map[string]string{
		"nothing set": {},
		"disabled":    {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "OTEL_SDK_DISABLED": "true"},
		"none":        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "OTEL_TRACES_EXPORTER": "none"},
		"metrics":     {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://127.0.0.1:4318"},
	} {
		tracer, stop, err := tracing.Start(t.Context(), func(n string) string { return env[n] }, "", slog.New(slog.DiscardHandler))
		if tracer != nil || err != nil {
			t.Errorf("%s: tracer %v, %v", name, tracer, err)
		}
		stop()
	}
}

func TestMistakesAreErrors(t *testing.T) {
	for want, env := range map[string]map[string]string{
		"not an http or https URL":                         {"OTEL_EXPORTER_OTLP_ENDPOINT": "127.0.0.1:4318"},
		`"grpc" is not supported; http/protobuf is`:        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://h:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
		`OTEL_TRACES_EXPORTER: "zipkin" is not supported;`: {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://h:4318", "OTEL_TRACES_EXPORTER": "zipkin"},
	} {
		tracer, _, err := tracing.Start(t.Context(), func(n string) string { return env[n] }, "", slog.New(slog.DiscardHandler))
		if tracer != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("tracer %v, %v; want %s", tracer, err, want)
		}
	}
}
