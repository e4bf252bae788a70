package graphsim

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"sync"
)

// dice are one stream of chance. Each purpose has its own, so that drawing for one
// does not shift another.
type dice struct {
	mu sync.Mutex
	r  *rand.Rand
}

func newDice(seed uint64, purpose string) *dice {
	h := fnv.New64a()
	h.Write([]byte(purpose))
	return &dice{r: rand.New(rand.NewPCG(seed, h.Sum64()))}
}

// chance is true with probability p; it draws only when that is in question.
func (d *dice) chance(p float64) bool {
	if p <= 0 {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.r.Float64() < p
}

func (d *dice) intn(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.r.IntN(n)
}

func (d *dice) exp() float64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.r.ExpFloat64()
}

func (d *dice) shuffle(n int, swap func(i, j int)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.r.Shuffle(n, swap)
}

// guid is a version 4 GUID in lower case.
func (d *dice) guid() string {
	d.mu.Lock()
	a, b := d.r.Uint64(), d.r.Uint64()
	d.mu.Unlock()
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", a>>32, a>>16&0xffff, a&0xfff, b>>48&0x3fff|0x8000, b&0xffffffffffff)
}
