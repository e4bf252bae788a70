// Package subscriptions keeps one presence subscription per service user alive
// at Microsoft Graph: what exists, what should, and how to get there.
//
// [Plan] decides, and does nothing else; a [Manager] lists, plans, acts and
// waits. At a start it asks Graph what exists instead of remembering it, so a
// crash needs no repair. The package does not receive notifications, does not
// read presence and knows no HTTP: the app wires it to a client of Graph, to
// the lifecycle notifications and to the sweep that closes gaps.
//
// The facts about Graph are in its documentation: "change notifications for
// presence", "lifecycle events" and "update subscription".
package subscriptions
