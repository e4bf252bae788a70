// Package coverage knows how every watched person is covered: by a subscription
// that delivers, by reading again and again, or not at all.
//
// A subscription that Graph creates and renews may deliver nothing for days
// (reported for August 2024). So it is not believed: what sweeps read is
// compared with what was pushed. When a subscription counts as silent stands in
// silence.go and nowhere else, when a person's state counts as unconfirmed in
// staleness.go. Both are pure.
//
// A [Tracker] gathers the evidence for one tenant, lets them judge, and says it:
// to the sweep (whom to read often), to the subscriptions (make this one anew),
// to the intake (this state is stale) and in coverage events. It reads nothing
// from Graph. internal/app runs it.
package coverage
