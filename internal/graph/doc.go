// Package graph is the vocabulary of Microsoft Graph presence: what a person's
// presence, a user, a subscription and an error are, in our own small types.
//
// It is not a client. The rooms below it do the work and are the only ones that
// know Microsoft's libraries:
//
//	graph/signin        credentials of the app and of service users (Entra ID)
//	graph/sdk           calls to Graph, over msgraph-sdk-go
//	graph/notification  what Graph posts to us: decode, verify, decrypt
//
// Everybody may import this package; it imports nothing of ours and only the
// standard library, so that nobody pays for the SDK's models by naming a type.
package graph
