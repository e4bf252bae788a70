package broker

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
)

// logger carries the server's log to slog: what it finds wrong as warnings,
// everything else at debug level. Its texts are not constant, hence attributes.
type logger struct {
	log *slog.Logger

	mu    sync.Mutex
	fatal string
	wound string // the first write that failed
}

func (l *logger) Noticef(format string, v ...any) { l.debug(format, v) }
func (l *logger) Debugf(format string, v ...any)  { l.debug(format, v) }
func (l *logger) Tracef(format string, v ...any)  { l.debug(format, v) }
func (l *logger) Warnf(format string, v ...any)   { l.warn(format, v) }
func (l *logger) Errorf(format string, v ...any)  { l.warn(format, v) }

// Fatalf is how the server tells that it cannot start. It does not exit.
func (l *logger) Fatalf(format string, v ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fatal = fmt.Sprintf(format, v...)
}

// failure is what Fatalf was told, nil if nothing.
func (l *logger) failure() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fatal == "" {
		return nil
	}
	return errors.New(l.fatal)
}

// wounded tells of a write that failed since healed.
func (l *logger) wounded() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.wound == "" {
		return nil
	}
	return errors.New(l.wound)
}

func (l *logger) healed() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wound = ""
}

func (l *logger) debug(format string, v []any) {
	l.log.Debug("embedded nats", "text", strings.TrimSpace(fmt.Sprintf(format, v...)))
}

func (l *logger) warn(format string, v []any) {
	text := strings.TrimSpace(fmt.Sprintf(format, v...))
	if strings.Contains(strings.ToLower(text), "critical write error") {
		l.mu.Lock()
		l.wound = cmp.Or(l.wound, text)
		l.mu.Unlock()
	}
	l.log.Warn("embedded nats", "text", text)
}
