package config

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

func TestSecretRead(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "secret")
	tests := []struct {
		name, content, want string
		wantErr             error
	}{
		{"plain", "hunter2", "hunter2", nil},
		{"line end", "hunter2\n", "hunter2", nil},
		{"line end of Windows", "hunter2\r\n", "hunter2", nil},
		{"blanks are part of it", " hunter2 \n", " hunter2 ", nil},
		{"empty", "", "", errEmpty},
		{"only a line end", "\n", "", errEmpty},
		{"too large", strings.Repeat("x", maxSecret+1), "", errTooLarge},
	}
	secret := SecretFile(path) // one secret, whose file changes
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			write(t, path, test.content)
			got, err := secret.Read()
			if got != test.want || !errors.Is(err, test.wantErr) {
				t.Errorf("read %q, %v; want %q, %v", got, err, test.want, test.wantErr)
			}
		})
	}
	if _, err := SecretFile(filepath.Join(dir, "none")).Read(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: error is %v", err)
	}
	if _, err := SecretFile(dir).Read(); !errors.Is(err, errNotRegular) {
		t.Errorf("directory: error is %v", err)
	}
	if got, err := NewSecret("hunter2\n").Read(); got != "hunter2\n" || err != nil {
		t.Errorf("a value is taken as it is: read %q, %v", got, err)
	}
	for _, none := range []Secret{{}, NewSecret(" ")} {
		if _, err := none.Read(); err == nil {
			t.Error("a secret that is not there was read")
		}
	}
	write(t, path, "\x00binary\n")
	if got, err := secret.ReadBytes(); string(got) != "\x00binary\n" || err != nil {
		t.Errorf("bytes are taken as they are: read %q, %v", got, err)
	}
}

// No way of printing a configuration, or something that holds a part of it,
// shows a secret.
func TestNoSecretIsPrinted(t *testing.T) {
	text := strings.ReplaceAll(small, "client_secret_file: secret", "client_secret: Zr8~hunter2")
	c, err := Parse(filepath.Join(newDir(t), "bridge.yaml"), []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	type holder struct {
		Config *Config
		inner  Config // package fmt calls no method on unexported fields
		secret Secret
	}
	held := holder{c, *c, c.Tenants[0].ClientSecret}
	values := []any{c, *c, c.Tenants, c.Tenants[0], c.Tenants[0].Accounts[0], held, &held, held.secret, &held.secret}
	for _, value := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t"} {
			hide(t, verb, fmt.Sprintf(verb, value))
		}
		hide(t, "Errorf", fmt.Errorf("%v", value).Error())
		var out bytes.Buffer
		slog.New(slog.NewJSONHandler(&out, nil)).Info("configuration", "value", value)
		slog.New(slog.NewTextHandler(&out, nil)).Info("configuration", "value", value)
		hide(t, "slog", out.String())
		data, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		hide(t, "json", string(data))
		if data, err = yaml.Marshal(value); err != nil {
			t.Fatal(err)
		}
		hide(t, "yaml", string(data))
	}
	data, err := xml.Marshal(c.Tenants[0].Accounts)
	if err != nil {
		t.Fatal(err)
	}
	hide(t, "xml", string(data))
	hide(t, "GoString", held.secret.GoString())
	if got := fmt.Sprintf("%v %#v", held.secret, Secret{}); got != "[hidden] " {
		t.Errorf("secrets are printed as %q", got)
	}
}

func hide(t *testing.T, how, printed string) {
	t.Helper()
	lower := strings.ToLower(printed)
	for _, form := range []string{"hunter2", fmt.Sprintf("%x", "hunter2"), "104 117 110"} {
		if strings.Contains(lower, form) {
			t.Errorf("%s shows a secret: %s", how, printed)
		}
	}
}
