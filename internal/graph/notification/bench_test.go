package notification

import (
	"fmt"
	"testing"
	"time"
)

func richBatch(tb testing.TB, n int) []byte {
	items := make([]m, n)
	for i := range items {
		items[i] = rich(tb, "good")
	}
	return body(tb, []string{testToken(tb, "v2")}, items...)
}

func BenchmarkDecode(b *testing.B) {
	for _, n := range []int{1, 10, 100} {
		text := richBatch(b, n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if _, err := Decode(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkToken(b *testing.B) {
	tokens, raw := warmOpener(b).Tokens, testToken(b, "v2")
	check := func(b *testing.B, prepare func()) {
		b.ReportAllocs()
		for b.Loop() {
			prepare()
			if v := tokens.verify(b.Context(), raw, tenants); !v.good() {
				b.Fatal(say(v))
			}
		}
	}
	b.Run("new", func(b *testing.B) { check(b, func() { clear(tokens.verdicts.good) }) })
	b.Run("remembered", func(b *testing.B) { check(b, func() {}) })
}

func BenchmarkDecrypt(b *testing.B) {
	key, e := testKey(b, "encryption"), envelope(b, "good")
	data := append([]byte(nil), e.Data...)
	b.ReportAllocs()
	for b.Loop() {
		copy(e.Data, data)
		if _, err := e.Open(key, DecryptOAEP); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	o := warmOpener(b)
	basics := make([]m, 50)
	for i := range basics {
		basics[i] = basic().with("resourceData", m{"availability": "Busy", "activity": "Busy"})
	}
	for name, text := range map[string][]byte{"rich50": richBatch(b, 50), "basic50": body(b, nil, basics...)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if batch, err := o.Open(b.Context(), text); err != nil || len(batch.Readings) != 50 {
					b.Fatal(batch, err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/50, "ns/item")
		})
	}
}

// BenchmarkOverhead reports what opening a rich item costs, as a multiple of
// the RSA operation in it: 1.00 would be nothing but that.
func BenchmarkOverhead(b *testing.B) {
	o, text := warmOpener(b), richBatch(b, 50)
	key, e := testKey(b, "encryption"), envelope(b, "good")
	var rsaTime, openTime time.Duration
	for b.Loop() {
		start := time.Now()
		for range 50 {
			if _, err := DecryptOAEP(key, e.Key); err != nil {
				b.Fatal(err)
			}
		}
		middle := time.Now()
		if _, err := o.Open(b.Context(), text); err != nil {
			b.Fatal(err)
		}
		rsaTime += middle.Sub(start)
		openTime += time.Since(middle)
	}
	b.ReportMetric(float64(openTime)/float64(rsaTime), "open/rsa")
}
