//go:build !linux || !(amd64 || arm64) || static

package libcrypto

import "fmt"

// Open says that this program was built without libcrypto.
func Open() (*Library, error) {
	return nil, fmt.Errorf("%w: this program was built without it", ErrUnavailable)
}
