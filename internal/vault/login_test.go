package vault

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const loginKey = "0123456789abcdef"

func shared(t *testing.T, dir string) *Logins {
	t.Helper()
	store, err := ShareDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	l, err := OpenLogins(t.Context(), store, filepath.Join(dir, "seal.key"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestALoginFromBesideTheService(t *testing.T) {
	dir := t.TempDir()
	v, _ := mustOpen(t, dir)
	service, command := v.Logins(), shared(t, dir)
	if _, err := service.Get(t.Context(), loginKey); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("nobody signed in: %v", err)
	}
	if service.Changed(t.Context(), loginKey) {
		t.Error("the first look found a change")
	}
	now := time.Date(2026, 11, 25, 2, 0, 0, 0, time.UTC)
	if err := command.Put(t.Context(), loginKey, Login{"refresh-1", now, now}); err != nil {
		t.Fatal(err)
	}
	if !service.Changed(t.Context(), loginKey) || service.Changed(t.Context(), loginKey) {
		t.Error("a new login is not told once")
	}
	later := now.Add(time.Hour)
	if err := service.Rotate(t.Context(), loginKey, "refresh-1", "refresh-2", later); err != nil {
		t.Fatal(err)
	}
	if service.Changed(t.Context(), loginKey) {
		t.Error("our own rotation is told as a change")
	}
	// Else two instances would have each other sign in anew, for ever.
	if err := command.Rotate(t.Context(), loginKey, "refresh-2", "refresh-3", later); err != nil {
		t.Fatal(err)
	}
	if service.Changed(t.Context(), loginKey) {
		t.Error("the rotation of another instance is told as a change")
	}
	got, err := command.Get(t.Context(), loginKey)
	if err != nil || got.RefreshToken != "refresh-3" || !got.SignedIn.Equal(now) || !got.Used.Equal(later) {
		t.Errorf("%s %s, %v", got.RefreshToken, got.Used, err)
	}
}

// What came for a token that somebody replaced meanwhile must not win.
func TestANewLoginOutlivesARotation(t *testing.T) {
	dir := t.TempDir()
	v, _ := mustOpen(t, dir)
	service, command := v.Logins(), shared(t, dir)
	for _, token := range []string{"old", "new"} {
		if err := command.Put(t.Context(), loginKey, Login{RefreshToken: token}); err != nil {
			t.Fatal(err)
		}
	}
	if err := service.Rotate(t.Context(), loginKey, "old", "child-of-old", time.Now()); err != nil {
		t.Fatal(err)
	}
	if got, err := service.Get(t.Context(), loginKey); err != nil || got.RefreshToken != "new" {
		t.Errorf("%s, %v", got.RefreshToken, err)
	}
}

func TestALoginBeforeTheFirstStart(t *testing.T) {
	dir := t.TempDir()
	command := shared(t, dir)
	if err := command.Put(t.Context(), loginKey, Login{RefreshToken: "refresh-1"}); err != nil {
		t.Fatal(err)
	}
	v, _ := mustOpen(t, dir)
	if got, err := v.Logins().Get(t.Context(), loginKey); err != nil || got.RefreshToken != "refresh-1" {
		t.Errorf("%s, %v", got.RefreshToken, err)
	}
}

func TestALoginIsSealedAndHidden(t *testing.T) {
	dir := t.TempDir()
	v, _ := mustOpen(t, dir)
	const token = "distinctive-refresh-token"
	login := Login{RefreshToken: token}
	if err := v.Logins().Put(t.Context(), loginKey, login); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "sealed", "login-"+loginKey+".age")
	data, err := os.ReadFile(file)
	if err != nil || bytes.Contains(data, []byte(token)) {
		t.Errorf("the file shows the token, or %v", err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("for the test", "login", login)
	if text := fmt.Sprintf("%v %+v %#v %s", login, login, login, log.String()); strings.Contains(text, token) {
		t.Errorf("printed: %s", text)
	}
}

func TestADamagedLoginSaysWhatToDo(t *testing.T) {
	dir := t.TempDir()
	v, _ := mustOpen(t, dir)
	if err := os.WriteFile(filepath.Join(dir, "sealed", "login-"+loginKey+".age"), []byte("scribble"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Logins().Get(t.Context(), loginKey); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("%v", err)
	}
	service := v.Logins()
	if service.Changed(t.Context(), loginKey) {
		t.Error("the first look found a change")
	}
	if err := shared(t, dir).Put(t.Context(), loginKey, Login{RefreshToken: "again", SignedIn: time.Now()}); err != nil {
		t.Errorf("a new login does not mend it: %v", err)
	}
	if !service.Changed(t.Context(), loginKey) {
		t.Error("the mended login is not told")
	}
}
