// Package setup makes everything that the service needs: in the directory of a
// tenant, through internal/graph/admin, and on disk, from the facts that an
// administrator gathered.
//
// It can be repeated: it looks for what exists, changes only what differs, and
// what it made stays made when a later step fails. It never prints a secret;
// secrets go into files of mode 0600 before anything depends on them.
//
// The commands setup and init call it.
package setup
