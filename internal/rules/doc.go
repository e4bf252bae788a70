// Package rules decides whether a person may get a call: from a rules file, the
// state of the person and what was decided before. docs/adapter.md explains the
// file.
//
// It is pure: it reads no file, no clock and no network, and starts nothing. The
// time is an argument. cmd/acdadapter calls it; an adapter written in Go may do
// the same.
//
// [Parse] reads a rules file and names all its mistakes at once. [Client.Judge]
// finds the rule that says something about a state, [State.Apply] turns that into
// a decision (busy at once, free after a hold) and [State.Settle] ends the hold.
package rules
