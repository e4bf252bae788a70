package main

import (
	"fmt"
	"io"
	"time"
)

// progress shows that something takes time: in one line that changes on a
// terminal, and elsewhere in a line for each thing that is in the way.
type progress struct {
	out   io.Writer
	began time.Time
	last  string
	shown bool
}

func (p *progress) show(trouble string) {
	width := lineWidth(p.out)
	if width == 0 {
		if trouble != "" && trouble != p.last {
			fmt.Fprintf(p.out, "presencebridge: waiting: %s\n", trouble)
		}
		p.last = trouble
		return
	}
	line := fmt.Sprintf("waiting for the service, %s", time.Since(p.began).Round(time.Second))
	if trouble != "" {
		line += ": " + trouble
	}
	p.shown = true
	fmt.Fprintf(p.out, "\r\x1b[K%s", cut(line, width-1))
}

// end takes the line away again.
func (p *progress) end() {
	if p.shown {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}
