package main

import (
	"bytes"
	"encoding/json"
	"testing"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"jtel.de/presencebridge/events"
)

// What is really published is what docs/events.schema.json says, and CloudEvents.
func TestPublishedDecisionsKeepTheContract(t *testing.T) {
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	schema, err := compiler.Compile("../../docs/events.schema.json#/$defs/decisionEvent")
	if err != nil {
		t.Fatal(err)
	}
	s := newStage(t)
	s.start(parse(t, rulesText), 0)
	s.says(agent1, "Busy")
	s.caughtUp("sales", agent1)
	m := s.messages()[0]
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(m.Data()))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(value); err != nil {
		t.Errorf("%s\n%v", m.Data(), err)
	}
	var e cloudevents.Event
	if err := json.Unmarshal(m.Data(), &e); err != nil {
		t.Fatal(err)
	}
	if err := e.Validate(); err != nil {
		t.Error(err)
	}
	if h := m.Headers(); h.Get(jetstream.MsgIDHeader) != e.ID() || h.Get("Content-Type") != events.ContentType {
		t.Errorf("headers %v", h)
	}
}
