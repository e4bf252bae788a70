package app

import (
	"math"
	"runtime/debug"
)

// What the service may use of memory. Bodies, connections and items in flight
// are bounded so that it is enough; what is left of it, the collector may use to
// run more rarely, which saves a tenth of the processor under load.
const (
	memoryLimit = 180 << 20 // bytes; with the program itself below 256 MiB
	gcPercent   = 300
)

// TuneMemory is for the process that is the service. What the operator has set
// by GOMEMLIMIT or GOGC stands.
func TuneMemory() {
	if debug.SetMemoryLimit(-1) == math.MaxInt64 {
		debug.SetMemoryLimit(memoryLimit)
	}
	if was := debug.SetGCPercent(gcPercent); was != 100 {
		debug.SetGCPercent(was)
	}
}
