package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func TestTableGivesWayToFit(t *testing.T) {
	rows := [][]string{{"Agent 01", "agent01@contoso.com", "a.very.long.address.of.somebody@mail.contoso.com", "+493023125001"}}
	for most, want := range map[int][]int{
		0:   {8, 19, 48, 13},
		200: {8, 19, 48, 13},
		80:  {8, 19, 34, 13},
		60:  {8, 16, 17, 13}, // the two widest share what is missing
		20:  {8, 8, 8, 8},    // what is narrower than that cannot be read
	} {
		if got := (table{}).widths(rows, most); !slices.Equal(got, want) {
			t.Errorf("%d: %v, want %v", most, got, want)
		}
	}
	if got := (table{}).widths(nil, 80); len(got) != 0 {
		t.Errorf("of nothing: %v", got)
	}
}

func TestTablePrintsNothingCutWithoutATerminal(t *testing.T) {
	var b bytes.Buffer
	err := table{head: []string{"A", "B"}, indent: " ", rows: [][]string{{"äöü", "x"}, {"", "last"}}}.print(&b)
	if want := " A    B\n äöü  x\n      last\n"; err != nil || b.String() != want {
		t.Errorf("%q, %v", b.String(), err)
	}
}

// An id is to be copied: it gets a line of its own where the terminal is narrow.
func TestTableKeepsWhatIsToBeCopied(t *testing.T) {
	const id = "bb75e1d1-817b-4cf5-9653-5cc1fe63fbad"
	keys := table{head: []string{"ACCOUNT", "STATE", "ID"}, rows: [][]string{{"svc-presence-1@contoso.com", "healthy", id}}, whole: true}
	if want := "ACCOUNT                     STATE    ID\nsvc-presence-1@contoso.com  healthy\n  " + id + "\n"; keys.text(60) != want {
		t.Errorf("on 60 columns:\n%s", keys.text(60))
	}
	for _, most := range []int{0, 80} {
		if want := "svc-presence-1@contoso.com  healthy  " + id + "\n"; !strings.HasSuffix(keys.text(most), want) {
			t.Errorf("on %d columns:\n%s", most, keys.text(most))
		}
	}
}
