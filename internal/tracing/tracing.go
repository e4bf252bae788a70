// Package tracing sends OpenTelemetry traces over OTLP/HTTP, if the standard
// environment variables name an endpoint. Without one there is no tracer, and
// nothing costs anything.
//
// It sets nothing global: the libraries of the Graph SDK would make spans of
// their own, with addresses that name people. cmd starts it, and stops it after
// the service; handlers and internal/app make the spans.
package tracing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/time/rate"
)

// within is how long a stop may take for what was not sent yet.
const within = 5 * time.Second

// Start makes a tracer if the environment wants one; otherwise it is nil. Stop
// sends what waits and must be called in any case. The exporter reads the
// endpoint, headers, certificates and time-outs from the environment, and the
// sampler and the queue as well.
//
// Source: OpenTelemetry, "Environment Variable Specification" and "OTLP exporter configuration".
func Start(ctx context.Context, getenv func(string) string, version string, log *slog.Logger) (tracer trace.Tracer, stop func(), err error) {
	stop = func() {}
	on, err := wanted(getenv)
	if err != nil || !on {
		return nil, stop, err
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, stop, fmt.Errorf("send traces: %w", err)
	}
	about, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "presencebridge"), attribute.String("service.version", version)),
		resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		return nil, stop, fmt.Errorf("read OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	say := rate.Sometimes{First: 1, Interval: time.Minute}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		say.Do(func() { log.Warn("traces are not sent", "error", err) })
	}))
	provider := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(about))
	stop = func() {
		ctx, cancel := context.WithTimeout(context.Background(), within)
		defer cancel()
		if err := provider.Shutdown(ctx); err != nil {
			log.Warn("the last traces are not sent", "error", err)
		}
	}
	return provider.Tracer("jtel.de/presencebridge", trace.WithInstrumentationVersion(version)), stop, nil
}

// wanted reads what turns traces on, and refuses what would be passed over.
func wanted(getenv func(string) string) (bool, error) {
	first := func(names ...string) (name, value string) {
		for _, name := range names {
			if value := strings.TrimSpace(getenv(name)); value != "" {
				return name, value
			}
		}
		return "", ""
	}
	name, endpoint := first("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
	_, exporter := first("OTEL_TRACES_EXPORTER")
	if endpoint == "" || exporter == "none" || strings.EqualFold(strings.TrimSpace(getenv("OTEL_SDK_DISABLED")), "true") {
		return false, nil
	}
	var errs []error
	if exporter != "" && exporter != "otlp" {
		errs = append(errs, fmt.Errorf("OTEL_TRACES_EXPORTER: %q is not supported; otlp or none", exporter))
	}
	if u, err := url.Parse(endpoint); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		errs = append(errs, fmt.Errorf("%s: it is not an http or https URL; write it like http://127.0.0.1:4318", name))
	}
	if name, protocol := first("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"); protocol != "" && protocol != "http/protobuf" {
		errs = append(errs, fmt.Errorf("%s: %q is not supported; http/protobuf is, usually at port 4318", name, protocol))
	}
	return len(errs) == 0, errors.Join(errs...)
}
