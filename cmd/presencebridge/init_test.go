package main

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"jtel.de/presencebridge/internal/config"
)

// onATerminal answers what init asks, secrets without an echo.
func onATerminal(t *testing.T, answers string, hidden ...string) (*initFlags, *bytes.Buffer) {
	t.Helper()
	var shown bytes.Buffer
	f := &initFlags{secrets: map[string]string{}}
	f.file = filepath.Join(t.TempDir(), "presencebridge.yaml")
	f.ask = &asker{lines: bufio.NewReader(strings.NewReader(answers)), out: &shown, terminal: true, hidden: func() (string, error) {
		if len(hidden) == 0 {
			return "", errors.New("nobody answers")
		}
		answer := hidden[0]
		hidden = hidden[1:]
		return answer, nil
	}}
	return f, &shown
}

func TestInitAsksForWhatIsOpen(t *testing.T) {
	f, shown := onATerminal(t, "contoso\n84bd8158-6d4d-4958-8b9f-9d6445542f95\n24d3b144-21ae-4080-943f-7067b395b913\nhttps://presence.example.com\nproxy\n"+
		"svc-1@contoso.com, svc-2@contoso.com\nContact Centre\n", "Zr8~hunter2", "p4ss<1>", " p4ss 2")
	var out bytes.Buffer
	if err := f.run(&out); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(f.file, nil)
	if err != nil {
		t.Fatal(err)
	}
	tenant := c.Tenants[0]
	for i, want := range []string{"p4ss<1>", " p4ss 2"} {
		if got, err := tenant.Accounts[i].Password.Read(); err != nil || got != want {
			t.Errorf("password %d: %q, %v", i, got, err)
		}
	}
	if secret, err := tenant.ClientSecret.Read(); err != nil || secret != "Zr8~hunter2" || tenant.People.Groups[0] != "Contact Centre" || c.TLS.Mode != config.TLSOff {
		t.Errorf("%+v, %v", tenant, err)
	}
	for _, hidden := range []string{"hunter2", "p4ss"} {
		if strings.Contains(shown.String()+out.String(), hidden) {
			t.Errorf("%s was shown", hidden)
		}
	}
}

// Nothing is left behind by answers that the service would not take.
func TestInitLeavesNoHalfBehind(t *testing.T) {
	f, _ := onATerminal(t, "Contoso Ltd\nno id\n24d3b144-21ae-4080-943f-7067b395b913\nhttp://presence.example.com\nproxy\nsvc-1@contoso.com\nall\n", "secret", "password")
	err := f.run(&bytes.Buffer{})
	if err == nil || !strings.Contains(err.Error(), "tenant_id") || !strings.Contains(err.Error(), "public_url") {
		t.Fatalf("%v", err)
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(f.file), "*", "*"))
	if _, statErr := os.Stat(f.file); err != nil || len(left) != 0 || statErr == nil {
		t.Errorf("left behind: %v", left)
	}
}

// Nor is what was there before: by force, but for nothing.
func TestInitPutsFormerSecretsBack(t *testing.T) {
	const answers = "contoso\n84bd8158-6d4d-4958-8b9f-9d6445542f95\n24d3b144-21ae-4080-943f-7067b395b913\nhttps://presence.example.com\nproxy\nsvc-1@contoso.com\nall\n"
	f, _ := onATerminal(t, answers, "secret", "password")
	if err := f.run(&bytes.Buffer{}); err != nil {
		t.Fatal(err)
	}
	again, _ := onATerminal(t, answers, "5f2c0b9e-21ae-4080-943f-7067b395b913", "other") // the secret ID
	again.file, again.force = f.file, true
	if err := again.run(&bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "secret ID") {
		t.Fatalf("%v", err)
	}
	c, err := config.Load(f.file, nil)
	if err != nil {
		t.Fatal(err)
	}
	secret, secretErr := c.Tenants[0].ClientSecret.Read()
	password, passwordErr := c.Tenants[0].Accounts[0].Password.Read()
	if secret != "secret" || password != "password" || secretErr != nil || passwordErr != nil {
		t.Errorf("%v, %v", secretErr, passwordErr)
	}
}

func TestInitWithoutAnAnswer(t *testing.T) {
	for _, answers := range []string{"", "contoso\n84bd8158-6d4d-4958-8b9f-9d6445542f95\n24d3b144-21ae-4080-943f-7067b395b913\nhttps://presence.example.com\nproxy\nsvc-1@contoso.com\nall\n"} {
		f, _ := onATerminal(t, answers)
		if err := f.run(&bytes.Buffer{}); err == nil {
			t.Errorf("after %q something was written", answers)
		}
	}
}
