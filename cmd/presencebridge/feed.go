package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	eventsPath = "/api/v1/events"
	// silence is how long the service may say nothing: it sends a line every 15 s.
	silence = 50 * time.Second
	// longestLine bounds what is held of one event.
	longestLine = 1 << 20
)

// eventFeed follows the service's server-sent events and remembers where it was.
type eventFeed struct {
	from  *operators
	query url.Values
	last  string // the id of the last event
	began bool   // it has been connected once
}

// feedEvent is one of them; again says that it came after a break.
type feedEvent struct {
	kind  string
	data  []byte
	again bool
}

// follow hands every event on until the connection ends, which is an error, or
// the receiver has an error of its own.
func (f *eventFeed) follow(ctx context.Context, take func(feedEvent) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watchdog := time.AfterFunc(silence, cancel)
	defer watchdog.Stop()
	res, err := f.from.stream(ctx, eventsPath+"?"+f.query.Encode(), f.last)
	if err != nil {
		return err
	}
	defer res.Close()
	again := f.began
	f.began = true

	lines := bufio.NewScanner(res)
	lines.Buffer(nil, longestLine)
	var e feedEvent
	var id string
	for lines.Scan() {
		watchdog.Reset(silence)
		name, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case lines.Text() == "":
			if e.kind != "" {
				e.again = again
				if err := take(e); err != nil {
					return err
				}
			}
			if id != "" {
				f.last = id
			}
			e, id = feedEvent{}, ""
		case name == "event":
			e.kind = value
		case name == "id":
			id = value
		case name == "data":
			e.data = append(e.data, value...)
		}
	}
	if err := lines.Err(); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("the connection to the service is broken: %w", err)
	}
	return errors.New("the connection to the service has ended")
}

// stream asks for an answer that goes on for as long as ctx.
func (o *operators) stream(ctx context.Context, path, last string) (io.ReadCloser, error) {
	req, err := o.request(ctx, http.MethodGet, path)
	if err != nil {
		return nil, err
	}
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	client := *o.http
	client.Timeout = 0 // the caller's context ends it
	res, err := client.Do(req)
	if err := o.refused(res, err); err != nil {
		return nil, err
	}
	return res.Body, nil
}
