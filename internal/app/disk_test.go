package app_test

import (
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/graphsim"
)

// A full disk means 503; when there is room again nobody has to restart
// anything, and nothing is missing.
func TestAFullDiskMeans503AndHealsByItself(t *testing.T) {
	if !mayMount(t) {
		return
	}
	disk := t.TempDir()
	if err := syscall.Mount("none", disk, "tmpfs", 0, "size=16m"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, 0); err != nil {
			t.Error(err)
		}
	})
	b := newBridge(t, graphsim.Options{Speed: 10}, func(c *config.Config) {
		c.DataDir, c.SealKeyFile = filepath.Join(disk, "data"), filepath.Join(disk, "data", "seal.key")
	})
	b.start(false)
	b.covered()
	ballast := filepath.Join(disk, "ballast")
	fill(t, ballast)
	refused := func(r graphsim.Request) bool {
		return r.Kind == graphsim.KindDelivery && r.Status == http.StatusServiceUnavailable
	}
	states := []string{"Busy", "Away", "DoNotDisturb", "Available"}
	for i := 0; b.requests(refused) == 0 && i < 4000; i++ { // the last bytes of open files are used first
		b.sim.SetPresence(b.user(i%5), states[i/5%4], states[i/5%4])
		b.eventually("answer", func() bool { return b.requests(refused) > 0 || b.sim.Pending() == 0 })
	}
	b.set(b.user(0), "Busy", "InACall")
	b.eventually("notice", func() bool {
		status, _ := b.admin("/readyz")
		return status == http.StatusServiceUnavailable && strings.Contains(b.log.all(), "free some space on the disk of data_dir")
	})
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	b.eventually("end of the outage", func() bool { status, _ := b.admin("/readyz"); return status == http.StatusOK })
	b.eventually("what was put off", func() bool { return b.has(b.user(0), "InACall") })
	b.eventually("agreement", b.agrees)
}

func fill(t *testing.T, file string) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for part := make([]byte, 512); err == nil; {
		_, err = f.Write(part)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}

// mayMount reports whether the test may mount file systems. Whoever is not root
// runs it in a namespace of its own, and this call is all there is to do.
func mayMount(t *testing.T) bool {
	t.Helper()
	if os.Geteuid() == 0 {
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}},
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("in a user namespace: %v\n%s", err, out)
	}
	return false
}
