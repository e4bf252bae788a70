// Package sdk calls Microsoft Graph through msgraph-sdk-go: subscriptions,
// presences, users and groups. What goes in and comes out are the types of
// internal/graph; no type of the SDK leaves this room, and no other room
// imports the SDK.
//
// It decides nothing: whether an error is worth a retry is told by graph.Classify,
// when to renew by the subscription manager. It repeats a request only where a
// repeat cannot do harm and Graph asks for a short wait.
//
// internal/app makes one Client per credential; subscriptions, sweep and people
// use it through small interfaces of their own.
package sdk
