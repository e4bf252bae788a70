package main

import (
	"strings"
	"testing"

	"jtel.de/presencebridge/internal/check"
)

// On a terminal lines are as wide as it is, marks have colours, and what is being
// tried is taken away again.
func TestCheckPrinterOnATerminal(t *testing.T) {
	var out strings.Builder
	p := newCheckPrinter(&out, check.German, outputText)
	p.width, p.colours = 60, true
	p.begin("die App meldet sich an")
	p.tell(check.Finding{
		Step: "app.sign-in", Group: "App", State: check.Failed, Title: "die App meldet sich an",
		Said: "AADSTS7000215", Meaning: "das Clientgeheimnis ist falsch und das ist ein Satz, der umbrochen wird",
		Advice: "den Wert eintragen", Guide: check.Guide{Heading: "Clientgeheimnis", Link: "docs/setup.de.md#client-secret"},
	})
	blocked := check.Finding{Group: "App", State: check.Skipped, Title: "weiter", Meaning: "nicht versucht, weil"}
	p.tell(blocked)
	p.tell(blocked)
	if err := p.end(); err == nil || err.Error() != "1 von 3 Schritten gescheitert" {
		t.Error(err)
	}
	want := "… die App meldet sich an\r\x1b[KApp\n---\n" +
		"\x1b[31m×\x1b[0m die App meldet sich an\n" +
		"    gesagt: AADSTS7000215\n" +
		"    heißt: das Clientgeheimnis ist falsch und das ist ein\n      Satz, der umbrochen wird\n" +
		"    tun: den Wert eintragen\n" +
		"    Anleitung: Clientgeheimnis,\n      docs/setup.de.md#client-secret\n" +
		"\x1b[2m-\x1b[0m weiter\n    nicht versucht, weil\n" +
		"\x1b[2m-\x1b[0m weiter\n" +
		"\n\x1b[31m×\x1b[0m 0 in Ordnung, 0 mit Warnung, 1 gescheitert, 0 unbekannt, 2 nicht versucht\n"
	if got := out.String(); got != want {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}

// Not everything works where something was not tried.
func TestCheckPrinterSummary(t *testing.T) {
	for state, want := range map[check.State]string{
		check.OK: "√ everything works: 1 well", check.Warning: "√ everything works: 0 well, 1 with a warning",
		check.Unknown: "√ nothing failed: ", check.Skipped: "√ nothing failed: ",
	} {
		var out strings.Builder
		p := newCheckPrinter(&out, check.English, outputText)
		p.tell(check.Finding{State: state, Title: "x"})
		if err := p.end(); err != nil || !strings.Contains(out.String(), want) {
			t.Errorf("%s: %v, %s", state, err, out.String())
		}
	}
}
