package subscriptions

import (
	"fmt"
	"runtime"
	"testing"

	"jtel.de/presencebridge/internal/graph"
)

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
	for b.Loop() {
		for i := range tenants {
			plans[i] = PlanTenant(wanted[i], slots[i], noon)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(people*tenants), "ns/person")
	b.ReportMetric(float64(heap()-before)/(1<<20), "MiB-held")
	runtime.KeepAlive(wanted)
	runtime.KeepAlive(slots)
	runtime.KeepAlive(plans)
}
