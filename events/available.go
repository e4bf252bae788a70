package events

import (
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	probeEvery = 500 * time.Millisecond
	// codeOtherStream is the server's answer to an expectation of another stream.
	codeOtherStream = 10060
)

// Available reports whether publishing has a chance. It is false while the
// connection is known to be down, and after a publish that nobody answered
// until somebody does. It never blocks and costs nothing while all is well.
//
// To find out that somebody answers again, every second call or so sends a
// probe: a message to the same subject that expects another stream, which the
// stream's leader refuses without storing it. So recovery needs no more
// permissions than publishing, and no goroutine.
func (p *Publisher) Available() bool {
	if !p.nc.IsConnected() {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.unanswered == "" {
		return true
	}
	if p.probe == nil {
		if time.Since(p.probedAt) >= probeEvery {
			p.sendProbe()
		}
		return false
	}
	select {
	case <-p.probe.landed:
		if api, ok := errors.AsType[*jetstream.APIError](p.probe.acks[0].Err); ok && api.ErrorCode == codeOtherStream {
			p.unanswered = ""
		}
		p.probe = nil
	default:
		if time.Since(p.probedAt) > p.o.Timeout {
			p.tower.abandon(p.probe, errNoAck)
			p.probe = nil
		}
	}
	return p.unanswered == ""
}

// sendProbe sends one if there is room; the next call after probeEvery tries again.
func (p *Publisher) sendProbe() {
	p.probedAt = time.Now()
	select {
	case p.tower.room <- struct{}{}:
	default:
		return
	}
	m := nats.NewMsg(p.unanswered)
	m.Header.Set(jetstream.ExpectedStreamHeader, Stream+"_PROBE")
	p.probe = p.tower.announce(1)
	p.tower.depart(p.probe, 0)
	m.Reply = p.tower.reply(p.probe, 0)
	if err := p.nc.PublishMsg(m); err != nil {
		p.tower.abandon(p.probe, err)
	}
}

func (p *Publisher) answered() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unanswered = ""
	if p.probe != nil {
		p.tower.abandon(p.probe, errNoAck)
		p.probe = nil
	}
}

func (p *Publisher) notAnswered(subject string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unanswered = subject
}
