package main

import (
	"context"
	"flag"
	"log/slog"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/broker"
)

var update = flag.Bool("update", false, "write the expected outputs of the sessions anew")

// The sessions in testdata are the contract of the commands. $NATS is a server
// with one event of a person who is busy, $AGENT.
func TestSessions(t *testing.T) {
	server, err := broker.Start(broker.Options{Dir: t.TempDir(), Listen: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	s := &stage{t: t, server: server, at: time.Now().UTC()}
	s.js, s.bridge = dial(t, server)
	if err := events.Setup(t.Context(), s.js, events.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	e := userEvent(agent1, "Busy", "event-1", s.at)
	e.Data.User.Phones = []string{"+4989123451"}
	m, err := events.NewMessage(e)
	if err != nil {
		t.Fatal(err)
	}
	if acks := s.bridge.Publish(t.Context(), []events.Message{m}); acks[0].Err != nil {
		t.Fatal(acks[0].Err)
	}
	t.Run("in", func(t *testing.T) { // the sessions run in parallel; the server outlives them
		testscript.Run(t, testscript.Params{
			Dir: "testdata", RequireExplicitExec: true, RequireUniqueNames: true, UpdateScripts: *update,
			Setup: func(env *testscript.Env) error {
				env.Vars = append(env.Vars, "NATS="+server.URL(), "AGENT="+agent1)
				return nil
			},
			Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
				// waitrecord CLIENT USER waits until something is decided.
				"waitrecord": func(ts *testscript.TestScript, neg bool, args []string) {
					if neg || len(args) != 2 {
						ts.Fatalf("usage: waitrecord CLIENT USER")
					}
					s.eventually("a decision", func() bool {
						r, err := recorded(context.Background(), s.js, "acdadapter", args[0], args[1])
						return err == nil && r != nil && r.Decision != ""
					})
				},
			},
		})
	})
}
