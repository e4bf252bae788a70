// Package signin gets tokens from Entra ID: as the app itself and as a service
// user, with a name and a password or with a refresh token from a sign-in by
// device code. All are an azcore.TokenCredential.
//
// It is not a client of Graph and keeps nothing on disk. What it adds to the
// library (MSAL) is what a service needs at night: a refusal that only a person
// can lift is remembered, so that a wrong password is tried once and not until
// the account is locked; errors say what to do and hold no secret.
//
// internal/app makes the credentials, graph/sdk and the operators' commands
// ask them for tokens, the subscription manager calls Refresh before a renewal.
package signin
