package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"jtel.de/presencebridge/internal/graphsim"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"presencebridge": main, "control": control})
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
	address, err := graphsim.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// control tells a simulator something: control METHOD URL [JSON].
func control() {
	body := strings.Join(os.Args[3:], " ")
	req, err := http.NewRequest(os.Args[1], os.Args[2], strings.NewReader(body))
	if err == nil {
		req.Header.Set("Content-Type", "application/json")
		var res *http.Response
		if res, err = http.DefaultClient.Do(req); err == nil {
			defer res.Body.Close()
			if _, err = io.Copy(os.Stdout, res.Body); err == nil && res.StatusCode >= 400 {
				err = errors.New(res.Status)
			}
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
