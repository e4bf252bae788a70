// Package broker is the NATS server that runs inside the service when no other
// one is configured: JetStream on disk, one optional listener for clients, no
// cluster, no monitoring port, no signal handling.
//
// It is not a client: events.Connect makes connections to it, in-process or by
// its URL. It knows nothing of presence. The app starts and closes it; so do
// the demo and tests that need a server.
package broker
