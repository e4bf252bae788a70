// Package inquiry answers questions about presence on NATS: it is the service
// "presence" of the micro convention. get, find and list are answered from the
// last states of everybody, whichever bridge watches them, so that any bridge on
// a NATS server may answer. coverage is what every bridge said last. refresh is
// passed on to the bridge that reads the tenant.
//
// It is not the operators' side, which speaks HTTP, and it reads nothing at
// Graph itself. internal/app runs it.
package inquiry
