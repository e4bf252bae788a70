// Package forward copies the local stream to a central NATS server, which may
// be away for hours: everything is stored here first and goes there in order,
// with the same message ids, as soon as there is somebody to take it.
//
// It is not a leaf node, a mirror or a second store: the local stream is the
// queue, bounded by its own age and size, and a small local bucket holds the
// place that was reached. What the bounds took away is made up for by the last
// states, which the local bucket never drops. It starts no goroutine.
//
// The app calls [Relay.Run]. One relay at a time may run for one local stream:
// two would each keep the order, but not together.
package forward
