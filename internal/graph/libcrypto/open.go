//go:build linux && (amd64 || arm64) && !static

package libcrypto

import (
	"fmt"
	"sync"

	"github.com/ebitengine/purego"
)

// soname is that of every OpenSSL 3, on every distribution.
const soname = "libcrypto.so.3"

// Open loads the system's libcrypto 3 by the rules of the dynamic linker. The
// error is [ErrUnavailable]; it names what is missing.
func Open() (*Library, error) { return openOnce() }

var openOnce = sync.OnceValues(func() (*Library, error) { return open(soname) })

func open(name string) (*Library, error) {
	handle, err := purego.Dlopen(name, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	l := &Library{}
	for symbol, function := range l.functions() {
		address, err := purego.Dlsym(handle, symbol)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrUnavailable, name, err)
		}
		purego.RegisterFunc(function, address)
	}
	if major := l.versionMajor(); major != 3 {
		return nil, fmt.Errorf("%w: %s is version %d", ErrUnavailable, name, major)
	}
	return l, nil
}
