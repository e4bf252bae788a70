package app_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"jtel.de/presencebridge/internal/graphsim"
)

// Readiness goes first; a callback whose body is still arriving is stored and
// answered, and the operators' side tells of it until then.
func TestAStopWaitsForWhatIsInFlight(t *testing.T) {
	b := newBridge(t, graphsim.Options{}, nil)
	b.start(false)
	b.covered()
	b.settled()
	body, err := b.sim.Forge("genuine", b.user(0))
	if err != nil {
		t.Fatal(err)
	}
	c, err := tls.Dial("tcp", b.callback, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = fmt.Fprintf(c, "POST /graph/notifications HTTP/1.1\r\nHost: bridge\r\nContent-Type: application/json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", len(body))
	if err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewReader(c)
	if line, err := answers.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") { // the body is being read
		t.Fatal(line, err)
	}
	if _, err := answers.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	b.stop()
	b.eventually("word of the stop", func() bool {
		status, text := b.admin("/readyz")
		return status == http.StatusServiceUnavailable && strings.Contains(text, `"service":"stopping"`)
	})
	if _, err := c.Write(body); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(answers, nil)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusAccepted {
		t.Errorf("answered %s", res.Status)
	}
	c.Close()
	b.stop = nil
	if err := <-b.ended; err != nil {
		t.Error(err)
	}
	b.ended <- nil
	b.start(false)
	if !b.has(b.user(0), "UrgentInterruptionsOnly") { // which nothing else tells
		t.Error("what was answered 202 is not on the stream")
	}
}
