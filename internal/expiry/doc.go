// Package expiry knows what ends one day and stops the service: client secret,
// certificates, passwords of service users, sign-ins by device code, encryption
// keys. It says when each ends, or honestly that nobody can tell, and warns in
// time.
//
// It replaces nothing and starts nothing; it is not about subscriptions, whose
// life of an hour the subscription manager looks after.
//
// internal/app gives it what is configured and a reader of the directory, runs a
// [Watch] and asks [Tenant.Read] once for the operators' commands.
package expiry
