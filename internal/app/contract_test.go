package app_test

import (
	"bytes"
	"encoding/json"
	"testing"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/graphsim"
)

// What the service really publishes is what docs/events.schema.json says, and
// CloudEvents, under the id and the content type that the headers give.
func TestPublishedEventsKeepTheContract(t *testing.T) {
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	schema, err := compiler.Compile("../../docs/events.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	b := newBridge(t, graphsim.Options{}, nil)
	b.start(false)
	b.covered()

	js := b.jetStream()
	consumer, err := js.OrderedConsumer(t.Context(), events.Stream, jetstream.OrderedConsumerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for seen[events.TypeUser] < len(b.sim.Tenant().Users) {
		m, err := consumer.Next(jetstream.FetchMaxWait(patience))
		if err != nil {
			t.Fatal(err, seen)
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(m.Data()))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(value); err != nil {
			t.Errorf("%s\n%s\n%v", m.Subject(), m.Data(), err)
		}
		var e cloudevents.Event
		if err := json.Unmarshal(m.Data(), &e); err != nil {
			t.Fatal(err)
		}
		if err := e.Validate(); err != nil {
			t.Errorf("%s\n%s\n%v", m.Subject(), m.Data(), err)
		}
		if h := m.Headers(); h.Get(jetstream.MsgIDHeader) != e.ID() || h.Get("Content-Type") != events.ContentType {
			t.Errorf("event %s has headers %v", e.ID(), h)
		}
		seen[e.Type()]++
	}
}
