// Package subscriptions keeps a tenant's people covered by the presence
// subscriptions of its service users at Microsoft Graph: what exists, what
// should, and how to get there.
//
// For a tenant, a [Coordinator] decides who is carried by whom, with [Spread] and
// [PlanTenant]. For each account, a [Manager] lists, plans with [Plan], acts and
// waits. At a start it asks Graph what exists instead of remembering it, so a
// crash needs no repair. The package does not receive notifications, does not
// read presence and knows no HTTP: the app wires it to a client of Graph, to
// the lifecycle notifications and to the sweep that closes gaps.
//
// The facts about Graph are in its documentation: "change notifications for
// presence", "lifecycle events" and "update subscription".
package subscriptions
