package events

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Bounds of an atomic batch. Below the first one, messages on their own cost
// less; the second one is the server's.
const (
	batchFrom = 16
	batchMost = 1000
)

// Headers of an atomic batch, which nats-server 2.12 and newer know.
const (
	headerBatchID       = "Nats-Batch-Id"
	headerBatchSequence = "Nats-Batch-Sequence"
	headerBatchCommit   = "Nats-Batch-Commit"
)

// batchable reports whether messages may go as one batch.
func (p *Publisher) batchable(msgs []Message) bool {
	if !p.o.Batches || len(msgs) < batchFrom || len(msgs) > batchMost {
		return false
	}
	for i := range msgs {
		if msgs[i].header != nil || msgs[i].Conditional || msgs[i].rollup {
			return false
		}
	}
	return true
}

// publishBatch stores all messages or none, with one acknowledgement and one
// synchronisation with the disk. It gives nil when the server refuses the batch,
// which it does when it knows the id of a single one of them: then nothing is
// stored, and each must go on its own.
func (p *Publisher) publishBatch(ctx context.Context, msgs []Message) []Ack {
	timeout := time.NewTimer(p.o.Timeout)
	defer timeout.Stop()
	acks := make([]Ack, len(msgs))
	commit, err := p.sendBatch(ctx, timeout, msgs)
	if err == nil {
		if _, refused := errors.AsType[*jetstream.APIError](commit.Err); refused && !silent(commit.Err) {
			return nil
		}
		err = commit.Err
	}
	for i := range acks {
		if acks[i].Err = err; err == nil {
			acks[i].Sequence = commit.Sequence - uint64(len(msgs)-1-i) // they follow each other
		}
	}
	p.judge(acks, msgs[0].Subject)
	return acks
}

// sendBatch gives the acknowledgement of the last message, which is that of all.
func (p *Publisher) sendBatch(ctx context.Context, timeout *time.Timer, msgs []Message) (Ack, error) {
	f := p.tower.announce(1)
	if err := p.room(ctx, timeout); err != nil {
		p.tower.lose(f, 0, err)
		return Ack{}, err
	}
	p.tower.depart(f, 0)
	out := outgoing()
	out.Header[headerBatchID] = []string{p.tower.reply(f, 0)} // as unique as that
	out.Header[headerBatchSequence] = []string{""}
	for i := range msgs {
		msgs[i].write(out)
		out.Header[headerBatchSequence][0] = strconv.Itoa(i + 1)
		if i == len(msgs)-1 {
			out.Header[headerBatchCommit] = []string{"1"}
			out.Reply = p.tower.reply(f, 0)
		}
		if err := p.nc.PublishMsg(out); err != nil {
			p.tower.lose(f, 0, err)
			break
		}
	}
	select {
	case <-f.landed:
	default:
		p.tower.abandon(f, p.landed(ctx, timeout, f))
	}
	return f.acks[0], nil
}

// withoutBatch takes out what made a message part of a batch: it need not be
// part of one on the next server.
func withoutBatch(h nats.Header) {
	for _, name := range [...]string{headerBatchID, headerBatchSequence, headerBatchCommit} {
		delete(h, name)
	}
}
