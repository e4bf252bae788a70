package graphsim

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
)

// given holds the addresses that FreeAddress has given to this process.
var given sync.Map

// FreeAddress is a loopback address, host:port, that a test's service can listen
// on again and again. It is below the ports that the system gives to connections
// and to listeners who take any (32768 and above on Linux), and given once.
func FreeAddress() (string, error) {
	for range 1000 {
		address := fmt.Sprintf("127.0.0.1:%d", 12000+rand.IntN(20000))
		if _, taken := given.LoadOrStore(address, true); taken {
			continue
		}
		if l, err := net.Listen("tcp", address); err == nil {
			return address, l.Close()
		}
	}
	return "", errors.New("no loopback port between 12000 and 31999 is free")
}
