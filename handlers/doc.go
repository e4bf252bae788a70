// Package handlers turns HTTP into calls and results into status codes: the
// public callback that Microsoft Graph posts to ([NewCallback]), and the
// operators' side ([NewAdmin]).
//
// It decides nothing about presence and knows neither the bus nor the
// subscriptions: it parses, calls one function, answers. Handlers return
// errors; one function per side writes them, so that what the client sees is
// not what the log sees. internal/app is the caller.
//
// The callback side talks to strangers. Whatever they send, no body, header or
// status tells them anything: a forged notification is answered like a good one.
package handlers
