package rules

import (
	"fmt"
	"slices"
	"strings"

	"jtel.de/presencebridge/events"
)

// What Microsoft documents, older and newer pages together. Source: Microsoft
// Graph, resource type presence, and the Teams client's presence states. Values
// have been added before and will be again.
var (
	availabilities = []string{"Available", "AvailableIdle", "Away", "BeRightBack", "Busy", "BusyIdle", "DoNotDisturb",
		"Focusing", "InACall", "InAMeeting", "Offline", "OutOfOffice", "Presenting", "PresenceUnknown"}
	activities = []string{"Available", "AvailableInactive", "Away", "BeRightBack", "Busy", "BusyIdle", "DoNotDisturb", "Focusing", "InACall",
		"InAConferenceCall", "InAMeeting", "Inactive", "Offline", "OffWork", "OutOfOffice", "PresenceUnknown",
		"Presenting", "UrgentInterruptionsOnly"}
)

// vocabulary is what is known, with what the file adds.
type vocabulary struct{ also []string }

func (v *vocabulary) unknown(d *events.UserData) []string {
	var unknown []string
	if !v.knows(availabilities, d.Availability) {
		unknown = append(unknown, fmt.Sprintf("availability %.40q", d.Availability))
	}
	if !v.knows(activities, d.Activity) {
		unknown = append(unknown, fmt.Sprintf("activity %.40q", d.Activity))
	}
	return unknown
}

func (v *vocabulary) knows(documented []string, value string) bool {
	same := func(known string) bool { return strings.EqualFold(known, value) }
	return slices.ContainsFunc(documented, same) || slices.ContainsFunc(v.also, same)
}

// meets reports whether a pattern matches a value that is known.
func (v *vocabulary) meets(documented []string, p pattern) bool {
	met := func(known string) bool { return matches(p, known) }
	return slices.ContainsFunc(documented, met) || slices.ContainsFunc(v.also, met)
}

// nearest gives the candidate that a word was probably meant to be, or "".
func nearest(word string, candidates []string) string {
	best, bestDistance := "", len(word)/3+1
	for _, c := range candidates {
		if d := distance(strings.ToLower(word), strings.ToLower(c)); d < bestDistance {
			best, bestDistance = c, d
		}
	}
	return best
}

// distance is how many letters must be added, dropped or changed (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
