package main

import (
	"net"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"presencebridge": main})
}

// The sessions in testdata are the contract of the commands.
func TestSessions(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata", RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			for _, name := range []string{"GRAPH", "CONTROL", "CALLBACK", "ADMIN", "NATS", "SPARE"} {
				env.Setenv(name, freeAddress(t))
			}
			return nil
		},
	})
}

// freeAddress is one that a process started by a session can listen on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
