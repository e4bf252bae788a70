package handlers

import (
	"log/slog"
	"net/http"
	"time"
)

// NewServer makes a server whose limits suit every side. It listens to nothing
// yet; address and TLS are the caller's. What net/http has to say (failed TLS
// handshakes of scanners, mostly) goes to the log at debug.
//
// It speaks HTTP/1.1 only: a webhook needs no more, and every limit here holds
// for each connection as it stands, whereas a connection of HTTP/2 may wait
// between the frames of a header for as long as one that is idle.
//
// It bounds its connections, and tells dropped of those that came to nothing; nil:
// nobody is told.
//
// A handler that streams must lift its write deadline itself, by
// [http.ResponseController].
func NewServer(h http.Handler, dropped func(Drop), log *slog.Logger) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	s := &http.Server{
		Handler:           h,
		Protocols:         protocols,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      10 * time.Second,
		IdleTimeout:       120 * time.Second,
		MaxHeaderBytes:    16 << 10,
		// OPTIONS * is no route of ours: the handler answers it as such.
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	if dropped == nil {
		dropped = func(Drop) {}
	}
	newConnections(maxConnections, dropped).follow(s)
	return s
}
