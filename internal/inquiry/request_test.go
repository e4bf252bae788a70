package inquiry

import (
	"errors"
	"os"
	"strings"
	"testing"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/graph"
)

func readFile(t testing.TB, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// few is a board of three people.
type few []events.UserEvent

func (few) Ready() bool { return true }

func (f few) State(p graph.Person) (events.UserEvent, bool) {
	for _, e := range f {
		if e.Data.TenantID == p.TenantID && e.Data.User.ID == p.UserID {
			return e, true
		}
	}
	return events.UserEvent{}, false
}

func (f few) Find(match func(*events.UserData) bool) (found []events.UserEvent) {
	for _, e := range f {
		if match(&e.Data) {
			found = append(found, e)
		}
	}
	return found
}

// Whatever is asked, the answer is one, or says what is wrong in one line.
func FuzzRequest(f *testing.F) {
	board := few{state(contoso, "contoso", one, "Busy", "InACall"), state(contoso, "contoso", two, "Away", "Away"), state(fabrikam, "fabrikam", one, "Away", "Away")}
	for _, text := range []string{``, `{}`, `{"userId":"` + one.ID + `"}`, `{"mail":"agent1@contoso.com"}`, `{"phone":"089 123456","region":"DE"}`,
		`{"tenant":"contoso","limit":2,"cursor":"YQ"}`, `{"email":"x"}`, `[]`, `{"mail":"a","mail":"b"}`, "{\"mail\":\"\xff\"}", `{"tenantId":"` + contoso + `","userId":"` + one.ID + `"}`} {
		f.Add([]byte(text))
	}
	s := New(Options{Board: board})
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := read[events.FindRequest](body)
		if err == nil {
			_, err = s.named(r)
		}
		checkRefusal(t, err)
		if r, err := read[events.GetRequest](body); err == nil {
			_, err = s.byID(r.TenantID, r.UserID)
			checkRefusal(t, err)
		}
		if r, err := read[events.RefreshRequest](body); err == nil {
			_, err = s.whom(r)
			checkRefusal(t, err)
		}
	})
}

func checkRefusal(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	refused, ok := errors.AsType[*events.RequestError](err)
	if !ok || refused.Text == "" || refused.Code == 0 || strings.ContainsAny(oneLine(refused.Text), "\r\n") {
		t.Errorf("%#v", err)
	}
}
