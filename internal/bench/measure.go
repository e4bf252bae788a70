package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"jtel.de/presencebridge/internal/graph/libcrypto"
)

type options struct {
	rounds  int
	lasting time.Duration
	only    string // setting, as "rsa/sync"
	match   string // part of the name of a figure
	crowd   int    // connections
	profile string
}

// setting is a way to run the service.
type setting struct{ rsa, sync string }

// The goals of the ratios, for batches of 50 and of 1; and the latency's.
var (
	goals        = map[string]map[int]float64{"go": {50: 0.90, 1: 0.85}, "libcrypto": {50: 0.70, 1: 0.60}}
	plainLimits  = map[int]float64{50: 30_000, 1: 17_000} // items per processor second
	p50, p99     = 2.0, 10.0                              // milliseconds
	latencyConns = 32
)

// eventsWithin is when a consumer has everything that was accepted.
const eventsWithin = time.Minute

func measure(ctx context.Context, o options) ([]figure, error) {
	var figures []figure
	for _, set := range []setting{{"go", "always"}, {"go", "interval"}, {"libcrypto", "always"}, {"libcrypto", "interval"}} {
		if o.only != "" && o.only != set.rsa+"/"+set.sync {
			continue
		}
		if _, err := libcrypto.Open(); set.rsa == "libcrypto" && err != nil {
			fmt.Fprintf(os.Stderr, "not measured: rsa: libcrypto: %v\n", err)
			continue
		}
		fmt.Fprintf(os.Stderr, "measuring with rsa: %s, sync: %s\n", set.rsa, set.sync)
		more, err := measureSite(ctx, o, set)
		if err != nil {
			return nil, fmt.Errorf("rsa %s, sync %s: %w", set.rsa, set.sync, err)
		}
		figures = append(figures, more...)
	}
	return figures, nil
}

func measureSite(ctx context.Context, o options, set setting) (figures []figure, err error) {
	s, err := newSite(ctx, "PRESENCEBRIDGE_RSA="+set.rsa, "PRESENCEBRIDGE_NATS__EMBEDDED__SYNC="+set.sync)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()

	ways := []bool{true}
	if set.rsa == "go" { // the same whatever does the RSA: once is enough
		ways = append(ways, false)
	}
	highest := 0.0
	for _, rich := range ways {
		for _, batch := range []int{50, 1} {
			f := newFigure(set, rich, batch)
			if !strings.Contains(f.Name, o.match) {
				continue
			}
			rate, err := throughput(ctx, s, o, set, rich, batch, &f)
			if err != nil {
				return nil, err
			}
			figures = append(figures, f)
			if rich && batch == 1 {
				highest = rate
			}
		}
	}
	if highest > 0 {
		f, err := latency(ctx, s, o, set, highest/2)
		if err != nil {
			return nil, err
		}
		figures = append(figures, f...)
	}
	if set.rsa == "go" {
		f, err := floor(ctx, s, o, set)
		if err != nil {
			return nil, err
		}
		figures = append(figures, f...)
	}
	if strings.Contains("overload", o.match) {
		f, err := overload(ctx, s, o, set)
		if err != nil {
			return nil, err
		}
		figures = append(figures, f...)
	}
	return figures, nil
}

// newFigure is one that is not measured yet.
func newFigure(set setting, rich bool, batch int) figure {
	f := figure{Unit: "items/cpu-s", Name: fmt.Sprintf("plain_%d_sync_%s", batch, set.sync), Limit: plainLimits[batch], goal: 1}
	if rich {
		f.Name, f.goal = fmt.Sprintf("rich_%s_%d_sync_%s", set.rsa, batch, set.sync), goals[set.rsa][batch]
	}
	return f
}

// throughput is the median of some rounds, and the rate on the wall clock.
func throughput(ctx context.Context, s *site, o options, set setting, rich bool, batch int, f *figure) (float64, error) {
	l := s.load()
	l.rich, l.batch, l.connections = rich, batch, 4
	if batch == 1 {
		l.connections = 32
	}
	if _, err := l.run(ctx, o.lasting/4); err != nil { // to warm up
		return 0, err
	}
	if o.profile != "" {
		if _, err := s.ask("profile " + o.profile + f.Name); err != nil {
			return 0, err
		}
		defer func() { _, _ = s.ask("profile") }()
	}
	var values, limits, ratios, rates []float64
	for range o.rounds {
		limit := f.Limit
		if rich {
			var err error
			if limit, err = rsaLimit(s, set.rsa); err != nil {
				return 0, err
			}
		}
		value, rate, err := round(ctx, s, l, o.lasting)
		if err != nil {
			return 0, err
		}
		if rich { // noise comes and goes: the mean of before and after
			after, err := rsaLimit(s, set.rsa)
			if err != nil {
				return 0, err
			}
			limit = (limit + after) / 2
		}
		values, limits = append(values, value), append(limits, limit)
		ratios, rates = append(ratios, value/limit), append(rates, rate)
	}
	f.Value, f.Limit, f.Ratio = median(values), median(limits), median(ratios)
	return median(rates), nil
}

// round gives items per processor second and per second.
func round(ctx context.Context, s *site, l *load, lasting time.Duration) (value, rate float64, err error) {
	storedBefore, err := s.stored(ctx)
	if err != nil {
		return 0, 0, err
	}
	before, err := s.ask("usage")
	if err != nil {
		return 0, 0, err
	}
	start := time.Now()
	items, err := l.run(ctx, lasting)
	if err != nil {
		return 0, 0, err
	}
	elapsed := time.Since(start)
	after, err := s.ask("usage")
	if err != nil {
		return 0, 0, err
	}
	stored, err := s.stored(ctx)
	if err != nil {
		return 0, 0, err
	}
	if again := l.again.Swap(0); again > 0 {
		s.overloaded = true
		fmt.Fprintf(os.Stderr, "overloaded: %d POSTs were answered 503 and sent again\n", again)
	}
	// A POST that tells nothing new would cost less. Once something had to be sent
	// again, it may have been stored the first time, or been corrected by a read.
	if !s.overloaded && stored-storedBefore < items {
		return 0, 0, fmt.Errorf("%d items accepted, only %d stored", items, stored-storedBefore)
	}
	return float64(items) / (after.CPU - before.CPU).Seconds(), float64(items) / elapsed.Seconds(), nil
}

// rsaLimit is RSA operations per processor second and nothing else.
func rsaLimit(s *site, by string) (float64, error) {
	before, err := s.ask("usage")
	if err != nil {
		return 0, err
	}
	a, err := s.ask("limit " + by)
	if err != nil {
		return 0, err
	}
	return float64(a.Ops) / (a.CPU - before.CPU).Seconds(), nil
}

// latency is from the first byte of a POST of one rich item to the receipt of
// its event by a consumer, at a rate of items per second.
func latency(ctx context.Context, s *site, o options, set setting, rate float64) ([]figure, error) {
	var mu sync.Mutex
	begun, delays := map[string]time.Time{}, []float64{}
	consumer, err := s.stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{"presence.v1.user.>"}, DeliverPolicy: jetstream.DeliverNewPolicy,
	})
	if err != nil {
		return nil, err
	}
	consuming, err := consumer.Consume(func(m jetstream.Msg) {
		now := time.Now()
		var event struct {
			Data struct {
				Sequence string `json:"sequenceNumber"`
			} `json:"data"`
		}
		if json.Unmarshal(m.Data(), &event) != nil {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		if at, ok := begun[event.Data.Sequence]; ok {
			delays = append(delays, now.Sub(at).Seconds()*1000)
			delete(begun, event.Data.Sequence)
		}
	})
	if err != nil {
		return nil, err
	}
	defer consuming.Stop()

	l := s.load()
	l.rich, l.batch, l.connections = true, 1, latencyConns
	l.every = time.Duration(float64(latencyConns) / rate * float64(time.Second))
	l.sent = func(n int64, at time.Time) {
		mu.Lock()
		defer mu.Unlock()
		begun[sequence(n)] = at
	}
	if _, err := l.run(ctx, time.Duration(o.rounds)*o.lasting); err != nil {
		return nil, err
	}
	for end, missing := time.Now().Add(eventsWithin), 1; missing > 0; wait(ctx, 10*time.Millisecond) {
		mu.Lock()
		missing = len(begun)
		mu.Unlock()
		if missing > 0 && (ctx.Err() != nil || time.Now().After(end)) {
			return nil, fmt.Errorf("%d events did not come within %s", missing, eventsWithin)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(delays) == 0 {
		return nil, errors.New("no event was received")
	}
	name := fmt.Sprintf("latency_%s_sync_%s_", set.rsa, set.sync)
	figures := []figure{
		{Name: name + "p50", Value: quantile(delays, 0.50), Unit: "ms", Limit: p50, goal: -1},
		{Name: name + "p99", Value: quantile(delays, 0.99), Unit: "ms", Limit: p99, goal: -1},
	}
	for i := range figures {
		figures[i].Ratio = figures[i].Value / figures[i].Limit
	}
	return figures, nil
}
