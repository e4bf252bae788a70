package handlers

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
)

const (
	maxReading  = 1024     // bodies that arrive at the same time
	firstBuffer = 16 << 10 // bytes
	maxGrown    = 48 << 20 // bytes; 64 MiB with the first buffers of all that arrive
)

// errNoRoom says that the bodies of all requests together take too much memory.
var errNoRoom = errors.New("no room for the body")

// budget bounds the memory that bodies take, whoever sends them and however
// slowly. maxReading bounds the first buffers and maxGrown the rest, so that large
// bodies never keep out small ones.
type budget struct {
	reading  chan struct{}
	firsts   sync.Pool // of *[firstBuffer]byte
	maxGrown int64
	grown    atomic.Int64 // bytes of all buffers that are not first ones
}

func newBudget() *budget {
	return &budget{
		reading:  make(chan struct{}, maxReading),
		firsts:   sync.Pool{New: func() any { return new([firstBuffer]byte) }},
		maxGrown: maxGrown,
	}
}

// buffer holds one body. It grows by what arrives, not by what is announced.
type buffer struct {
	*budget
	text  []byte
	first *[firstBuffer]byte // nil once outgrown
}

func (b *buffer) readFrom(r io.Reader) error {
	for {
		if len(b.text) == cap(b.text) && !b.grow() {
			return errNoRoom
		}
		n, err := r.Read(b.text[len(b.text):cap(b.text)])
		b.text = b.text[:len(b.text)+n]
		if err == io.EOF { //nolint:errorlint // readers return it as it is
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// grow makes room for at least one byte. While it copies, both buffers count.
func (b *buffer) grow() bool {
	if b.text == nil {
		b.first = b.firsts.Get().(*[firstBuffer]byte)
		b.text = b.first[:0]
		return true
	}
	size := 2 * cap(b.text)
	if size >= maxBody {
		size = maxBody + 1 // room to see the end of the largest
	}
	if b.grown.Add(int64(size)) > b.maxGrown {
		b.grown.Add(-int64(size))
		return false
	}
	text := append(make([]byte, 0, size), b.text...)
	b.release()
	b.text = text
	return true
}

// release gives the memory back; only first buffers are kept for the next body.
func (b *buffer) release() {
	if b.first != nil {
		b.firsts.Put(b.first)
	} else {
		b.grown.Add(-int64(cap(b.text)))
	}
	b.first, b.text = nil, nil
}
