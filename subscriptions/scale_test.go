//go:build unix

package subscriptions

import (
	"fmt"
	"runtime"
	"syscall"
	"testing"
	"time"

	"jtel.de/presencebridge/internal/graph"
)

// BenchmarkPlanTenant prints what a plan costs: processor time, which other
// programs of the machine change little, and memory for all that is held and
// allocated for it. 650,000 people are planned for in one tenant and in 1,000.
func BenchmarkPlanTenant(b *testing.B) {
	for _, scale := range []struct{ people, tenants int }{{1_000, 1}, {10_000, 1}, {100_000, 1}, {650_000, 1}, {650_000, 1000}} {
		b.Run(fmt.Sprintf("%d_people_in_%d_tenants", scale.people, scale.tenants), func(b *testing.B) {
			benchmarkPlanTenant(b, scale.people/scale.tenants, scale.tenants)
		})
	}
}

// scaled is a tenant of so many people, all covered, from whom a few leave and to
// whom a few come; it has as many accounts as that takes and a spare one.
func scaled(people int) (wanted []string, slots []Slot) {
	all := persons(0, people)
	for first := 0; first < people; first += graph.MaxPeople {
		slots = append(slots, working(fmt.Sprintf("account %06d", first), all[first:min(first+graph.MaxPeople, people)]...))
	}
	slots = append(slots, working("spare"))
	return append(persons(5, people), persons(people, people+5)...), slots
}

func benchmarkPlanTenant(b *testing.B, people, tenants int) {
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	wanted, slots := make([][]string, tenants), make([][]Slot, tenants)
	for i := range tenants {
		wanted[i], slots[i] = scaled(people)
	}
	plans := make([]TenantPlan, tenants)
	b.ReportAllocs()
	began := processorTime(b)
	for b.Loop() {
		for i := range tenants {
			plans[i] = PlanTenant(wanted[i], slots[i], noon)
		}
	}
	took := (processorTime(b) - began) / time.Duration(b.N)
	held := float64(heap()-before) / (1 << 20)
	b.ReportMetric(float64(took.Milliseconds()), "cpu-ms/plan")
	b.ReportMetric(float64(took)/float64(people*tenants), "cpu-ns/person")
	b.ReportMetric(held, "MiB-held")
	if took > 2*time.Second || held > 1024 {
		b.Errorf("%d people in %d tenants: a plan takes %s and %.0f MiB", people*tenants, tenants, took, held)
	}
	runtime.KeepAlive(wanted)
	runtime.KeepAlive(slots)
	runtime.KeepAlive(plans)
}

// processorTime is that of the whole process until now.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
