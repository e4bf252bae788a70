package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// figure is a line of the result.
type figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	Limit float64 `json:"limit"` // measured in the same rounds, or given
	Ratio float64 `json:"ratio"` // of value to limit

	goal float64 // of the ratio; negative: at most that, 0: none
}

// reached says whether a goal is met, in a word.
func (f figure) reached() string {
	switch {
	case f.goal > 0 && f.Ratio >= f.goal, f.goal < 0 && f.Ratio <= -f.goal:
		return "yes"
	case f.goal == 0:
		return ""
	}
	return "no"
}

func (f figure) goalText() string {
	switch {
	case f.goal > 0:
		return fmt.Sprintf("at least %.2f", f.goal)
	case f.goal < 0:
		return fmt.Sprintf("at most %.2f", -f.goal)
	}
	return ""
}

var printers = map[string]func(io.Writer, []figure) error{
	"text": func(w io.Writer, figures []figure) error {
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "name\tvalue\tunit\tlimit\tratio\tgoal\treached")
		for _, f := range figures {
			fmt.Fprintf(t, "%s\t%.5g\t%s\t%.5g\t%.2f\t%s\t%s\n", f.Name, f.Value, f.Unit, f.Limit, f.Ratio, f.goalText(), f.reached())
		}
		return t.Flush()
	},
	"json": func(w io.Writer, figures []figure) error {
		encoder := json.NewEncoder(w)
		for _, f := range figures {
			if err := encoder.Encode(f); err != nil {
				return err
			}
		}
		return nil
	},
}

// median of at least one number.
func median(numbers []float64) float64 {
	sorted := slices.Sorted(slices.Values(numbers))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// quantile of at least one number.
func quantile(numbers []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(numbers))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}
