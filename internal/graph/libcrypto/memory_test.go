//go:build linux && (amd64 || arm64) && !static

package libcrypto

import (
	"bufio"
	"bytes"
	"fmt"
	"math/big"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/ebitengine/purego"
)

// The private numbers are in the library's memory while a key is in use, and
// nowhere in it afterwards: neither in live nor in freed memory nor on stacks.
func TestNoKeyMaterialIsLeftBehind(t *testing.T) {
	d, private := library(t).NewDecrypter(2), newKey(t, 2048)
	text, good := sealed(t, private)
	for range 4 {
		if plain, err := d.Decrypt(private, good); err != nil || !bytes.Equal(plain, text) {
			t.Fatalf("%x, %v", plain, err)
		}
	}
	secrets := map[string][]byte{"text": text}
	for name, n := range map[string]*big.Int{
		"d": private.D, "p": private.Primes[0], "q": private.Primes[1],
		"dp": private.Precomputed.Dp, "dq": private.Precomputed.Dq, "qinv": private.Precomputed.Qinv,
	} {
		b := n.Bytes()
		slices.Reverse(b)
		secrets[name] = b[32:64] // as the library stores it, from the middle
	}
	if found := scan(t, secrets); !found["p"] || !found["q"] {
		t.Fatalf("the key in use was not found, so this test sees nothing: %v", found)
	} else if found["text"] {
		t.Error("the plain text is left behind")
	}
	runtime.KeepAlive(private) // until here it is in use
	d.Close()
	if found := scan(t, secrets); len(found) != 0 {
		t.Errorf("left behind after Close: %v", found)
	}
}

// scan searches all writable memory outside Go's heap.
func scan(t *testing.T, secrets map[string][]byte) map[string]bool {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	memory, err := os.Open("/proc/self/mem")
	if err != nil {
		t.Fatal(err)
	}
	defer memory.Close()
	found, content := map[string]bool{}, make([]byte, 8<<20)
	for lines := bufio.NewScanner(bytes.NewReader(maps)); lines.Scan(); {
		var from, to uint64
		var mode string
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x %s", &from, &to, &mode); err != nil {
			t.Fatal(err)
		}
		// Go's heap, where the needles are, lies apart, at a random place.
		goHeap := uint64(uintptr(unsafe.Pointer(&content[0])))
		if !strings.HasPrefix(mode, "rw") || max(from, goHeap)-min(from, goHeap) < 4<<30 {
			continue
		}
		if uint64(len(content)) < to-from {
			content = make([]byte, to-from)
		}
		content := content[:to-from]
		if _, err := memory.ReadAt(content, int64(from)); err != nil {
			continue // a guard page, or gone meanwhile
		}
		for name, secret := range secrets {
			if bytes.Contains(content, secret) {
				found[name] = true
			}
		}
	}
	return found
}

// A failure leaves nothing in the error queue of the thread that it stays on.
func TestErrorQueueIsCleared(t *testing.T) {
	handle, err := purego.Dlopen(soname, purego.RTLD_NOW)
	if err != nil {
		t.Fatal(err)
	}
	var peek func() uint
	purego.RegisterLibFunc(&peek, handle, "ERR_peek_error")

	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	l := *library(t)
	var queued int
	clearErrors := l.clearErrors
	clearErrors() // of other tests, which do not stay on their threads
	l.clearErrors = func() {
		if peek() != 0 {
			queued++
		}
		clearErrors()
	}
	d, private := l.NewDecrypter(1), newKey(t, 2048)
	defer d.Close()
	if _, err := d.Decrypt(private, make([]byte, private.Size())); err == nil {
		t.Fatal("zeros decrypted")
	}
	if queued != 1 || peek() != 0 {
		t.Errorf("%d errors were queued, %d is left", queued, peek())
	}
}

func TestOpenNamesWhatIsMissing(t *testing.T) {
	for name, part := range map[string]string{
		"libcrypto-that-nobody-has.so.3": "libcrypto-that-nobody-has.so.3",
		"libc.so.6":                      "libc.so.6",
	} {
		l, err := open(name)
		if l != nil || err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: %v, %v", name, l, err)
		}
	}
	if v := library(t).Version(); !strings.HasPrefix(v, "OpenSSL 3.") {
		t.Errorf("version %q", v)
	}
}
