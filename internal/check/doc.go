// Package check walks the set-up guide against a real tenant: step by step it
// tries what the guide describes and says what came of it, in plain words of
// three languages, with what to do and the heading of the guide that explains it.
//
// It is not part of the service and changes nothing, but for a subscription on
// trial that it deletes again, and only where no service has one. A step never
// decides what an error means where another room has decided that already: the
// meaning of sign-in errors is signin's, who is watched is people's.
//
// internal/app makes its [Options], the command check prints its [Finding]s.
package check
