package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
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

// freeAddress is one that a process started by a session can listen on. It is
// below the ports that the system gives to connections, which come and go.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 1000 {
		address := fmt.Sprintf("127.0.0.1:%d", 12000+rand.IntN(20000))
		if _, taken := given.LoadOrStore(address, true); taken {
			continue
		}
		if l, err := net.Listen("tcp", address); err == nil {
			l.Close()
			return address
		}
	}
	t.Fatal("no address is free")
	return ""
}

var given sync.Map // addresses that a session has

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
