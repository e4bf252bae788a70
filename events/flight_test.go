package events

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func TestReadAck(t *testing.T) {
	for text, want := range map[string]Ack{
		`{"stream":"PRESENCE","seq":12}`:                    {Sequence: 12},
		`{"stream":"PRESENCE","seq":12,"duplicate": true}`:  {Sequence: 12, Duplicate: true},
		`{"stream":"PRESENCE", "seq": 12,"duplicate":true}`: {Sequence: 12, Duplicate: true},
		`{"stream":"PRESENCE","domain":"edge","seq":12}`:    {Sequence: 12},
		`{"stream":"PRESENCE","seq":12,"more":1}`:           {Sequence: 12},
	} {
		if got := readAck(&nats.Msg{Data: []byte(text)}); got != want {
			t.Errorf("%s: %+v", text, got)
		}
	}
	for _, text := range []string{``, `{`, `{}`, `null`, `{"stream":"PRESENCE","seq":0}`, `{"seq":5}`, `{"stream":"PRESENCE","seq":-1}`, `{"stream":"PRESENCE","seq":1x}`} {
		if got := readAck(&nats.Msg{Data: []byte(text)}); got.Err == nil {
			t.Errorf("%s: %+v", text, got)
		}
	}
	none := &nats.Msg{Header: nats.Header{"Status": []string{"503"}}}
	if got := readAck(none); !errors.Is(got.Err, jetstream.ErrNoStreamResponse) {
		t.Errorf("nobody there: %+v", got)
	}
	refused := readAck(&nats.Msg{Data: []byte(`{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 3"},"stream":"PRESENCE","seq":0}`)})
	if !conflict(refused.Err) {
		t.Errorf("refused: %+v", refused)
	}
}

// An acknowledgement is a sequence or an error, never both nor neither.
func FuzzReadAck(f *testing.F) {
	f.Add(`{"stream":"PRESENCE","seq":12}`)
	f.Add(`{"stream":"PRESENCE","seq":12,"duplicate": true}`)
	f.Add(`{"error":{"code":503,"err_code":10008,"description":"x"},"stream":"PRESENCE"}`)
	f.Fuzz(func(t *testing.T, text string) {
		if a := readAck(&nats.Msg{Data: []byte(text)}); (a.Sequence == 0) == (a.Err == nil) || (a.Err != nil && a.Duplicate) {
			t.Errorf("%q gives %+v", text, a)
		}
	})
}

// Whatever becomes of messages, the room that they took is given back.
func TestTowerGivesRoomBack(t *testing.T) {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	defer s.WaitForShutdown()
	defer s.Shutdown()
	nc, err := Connect(ConnectOptions{URL: s.ClientURL(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	// Somebody who answers whatever is asked, twice, and to others, too.
	answers, err := nats.Connect(s.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	defer answers.Close()
	_, err = answers.Subscribe("presence.v1.user.>", func(m *nats.Msg) {
		for _, to := range []string{m.Reply, m.Reply, m.Reply + "0", m.Reply[:len(m.Reply)-1] + "-", m.Reply + ".x"} {
			_ = answers.Publish(to, []byte(string(m.Data)))
		}
	})
	if err == nil {
		err = answers.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewPublisher(nc, PublisherOptions{Timeout: 30 * time.Second, MaxPending: 3})
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	message := func(data string) Message {
		return Message{Subject: "presence.v1.user.a.b", ID: "x", Data: []byte(data)}
	}
	empty := func() {
		t.Helper()
		p.tower.mu.Lock()
		defer p.tower.mu.Unlock()
		if len(p.tower.room) != 0 || len(p.tower.flights) != 0 {
			t.Errorf("%d messages and %d flights are still counted", len(p.tower.room), len(p.tower.flights))
		}
	}
	good := message(usualAck + "7" + usualEnd)
	for range 3 {
		acks := p.Publish(t.Context(), []Message{good, message("{}"), good, good, good})
		if acks[0].Sequence != 7 || acks[1].Err == nil || acks[4].Sequence != 7 {
			t.Errorf("acks %+v", acks)
		}
		empty()
	}
	// What cannot be sent at all.
	if acks := p.Publish(t.Context(), []Message{{Subject: "a b", ID: "x"}, good}); acks[0].Err == nil || acks[1].Err != nil {
		t.Errorf("acks %+v", acks)
	}
	empty()
	// What nobody answers, until the caller has enough or the connection ends.
	mute := Message{Subject: "presence.v1.directory.a.b", ID: "x"}
	if _, err := answers.SubscribeSync(mute.Subject); err != nil {
		t.Fatal(err)
	}
	if err := answers.Flush(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if acks := p.Publish(ctx, []Message{mute, mute, mute, mute, mute}); acks[0].Err == nil || acks[4].Err == nil {
		t.Errorf("acks %+v", acks)
	}
	empty()
	done := make(chan []Ack)
	go func() { done <- p.Publish(t.Context(), []Message{mute, mute}) }()
	for len(p.tower.room) < 2 {
		time.Sleep(time.Millisecond)
	}
	s.Shutdown()
	for _, ack := range <-done {
		if !errors.Is(ack.Err, ErrUnavailable) {
			t.Errorf("after the connection ended: %+v", ack)
		}
	}
	empty()
}

// What publishing a batch costs us, beside the library's own work.
func TestPublishAllocates(t *testing.T) {
	m := Message{Subject: "presence.v1.user.a.b", ID: "x", Traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}
	out := outgoing()
	m.write(out)
	if n := testing.AllocsPerRun(100, func() { m.write(out) }); n > 0 {
		t.Errorf("writing a message into another allocates %v times", n)
	}
	ack := &nats.Msg{Data: []byte(usualAck + "123" + usualEnd)}
	if n := testing.AllocsPerRun(100, func() { _ = readAck(ack) }); n > 1 {
		t.Errorf("reading an acknowledgement allocates %v times", n)
	}
}
