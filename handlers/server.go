package handlers

import (
	"log/slog"
	"net/http"
	"time"
)

// NewServer makes a server whose limits suit both sides. It listens to nothing
// yet; address and TLS are the caller's. What net/http has to say (failed TLS
// handshakes of scanners, mostly) goes to the log at debug.
//
// A handler that streams must lift its write deadline itself, by
// [http.ResponseController].
func NewServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      10 * time.Second,
		IdleTimeout:       120 * time.Second,
		MaxHeaderBytes:    16 << 10,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams:          64,
			MaxReceiveBufferPerConnection: 1 << 20,
			MaxReceiveBufferPerStream:     256 << 10,
		},
		// OPTIONS * is no route of ours: the handler answers it as such.
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}
