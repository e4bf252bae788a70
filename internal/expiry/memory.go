package expiry

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// remembered is one line of the file that remembers warnings over a restart.
type remembered struct {
	Kind    Kind      `json:"kind"`
	Tenant  string    `json:"tenant,omitzero"`
	Account string    `json:"account,omitzero"`
	Ends    time.Time `json:"ends"`
	Days    int       `json:"days"`
}

// recall reads what was said before. What has ended is no part of it: that is
// said at every start.
func recall(file string) (warned, error) {
	w := warned{}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return w, nil
	}
	var list []remembered
	if err == nil {
		err = json.Unmarshal(text, &list)
	}
	if err != nil {
		return w, fmt.Errorf("read earlier warnings: %w", err)
	}
	for _, s := range list {
		if s.Days > 0 {
			w[id{s.Kind, s.Tenant, s.Account}] = warning{s.Ends, s.Days}
		}
	}
	return w, nil
}

// keep writes it, wholly or not at all.
func (w warned) keep(file string) error {
	list := make([]remembered, 0, len(w))
	for i, s := range w {
		list = append(list, remembered{i.kind, i.tenant, i.account, s.ends, s.days})
	}
	text, err := json.Marshal(list)
	if err != nil {
		return fmt.Errorf("keep warnings: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(file), ".tmp-*") // mode 0600
	if err != nil {
		return fmt.Errorf("keep warnings: %w", err)
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		return fmt.Errorf("keep warnings: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}
