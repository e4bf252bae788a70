package sweep

import (
	"context"
	"log/slog"
	"time"

	"jtel.de/presencebridge/internal/graph"
)

// trouble remembers failures in a row: how long to wait, and what was said.
type trouble struct {
	pause time.Duration
	said  graph.Class
	times int
}

// after tells how long to wait after an attempt. A row of failures of one class
// is logged once, and its end once.
func (t *trouble) after(err error, log *slog.Logger) time.Duration {
	if err == nil {
		if t.times > 0 {
			log.Info("presence can be read and stored again", "failures", t.times)
		}
		*t = trouble{}
		return 0
	}
	class := graph.Classify(err)
	if t.times == 0 || class != t.said {
		level := slog.LevelWarn
		if class == graph.Operator || class == graph.Invalid {
			level = slog.LevelError
		}
		log.Log(context.Background(), level, "presence cannot be read or stored", "class", class.String(), "error", err)
	}
	t.times++
	t.said = class
	switch class {
	case graph.Operator, graph.Invalid:
		return operatorPause
	case graph.Throttled:
		return max(graph.RetryAfter(err), firstPause)
	}
	t.pause = min(max(2*t.pause, firstPause), longestPause)
	return t.pause
}
