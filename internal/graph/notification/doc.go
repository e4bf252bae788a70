// Package notification opens what Microsoft Graph posts to us: it decodes a
// notification collection, checks who sent it, verifies its tokens and decrypts
// its contents.
//
// It is not an HTTP handler and publishes nothing: handlers gives it a body and
// takes a [Batch] back, which says what may be published, what must be read,
// what was refused and why, and what cannot be judged yet.
//
// The checks go from cheap to dear: tenant and client state of each item, then
// the tokens of the batch, then one RSA operation per encrypted item. Who does
// not know a client state can make us neither verify a token nor decrypt.
//
// Sources: Graph, "change notifications that include resource data", "resource
// type changeNotificationCollection", "lifecycle notifications".
package notification
