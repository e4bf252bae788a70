package main

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"jtel.de/presencebridge/events"
)

// What one change costs until its decision is published and kept.
func BenchmarkAccept(b *testing.B) {
	s := newStage(b)
	d := newDesk(parse(b, rulesText), s.js, slog.New(slog.DiscardHandler), []Sink{streamSink{s.bridge}})
	var err error
	if d.book, err = openBook(b.Context(), s.js, "acdadapter", 1); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n++
		e := userEvent(fmt.Sprintf("b36a4df4-9d72-4b1e-a7f6-%012d", n), "Busy", fmt.Sprint(n), time.Now())
		e.Sequence = uint64(n)
		if err := d.Accept(b.Context(), e); err != nil {
			b.Fatal(err)
		}
	}
}

// What a first start costs with 10,000 people, half of whom get a decision at once.
func BenchmarkStart(b *testing.B) {
	s := newStage(b)
	var snapshot []events.UserEvent
	for n := range 10000 {
		e := userEvent(fmt.Sprintf("b36a4df4-9d72-4b1e-a7f6-%012d", n), []string{"Busy", "Available"}[n%2], fmt.Sprint(n), time.Now().Add(-2*time.Hour))
		e.Sequence = uint64(n + 1)
		snapshot = append(snapshot, e)
	}
	round := 0
	for b.Loop() {
		round++
		d := newDesk(parse(b, rulesText), s.js, slog.New(slog.DiscardHandler), []Sink{streamSink{s.bridge}})
		book, err := openBook(b.Context(), s.js, fmt.Sprint("bench", round), 1)
		if err != nil {
			b.Fatal(err)
		}
		if err := d.Reconcile(b.Context(), book, 1, snapshot); err != nil {
			b.Fatal(err)
		}
	}
}
