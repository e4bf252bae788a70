package broker_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"jtel.de/presencebridge/internal/broker"
)

// smallDisk is a file system of a few MiB, and what fills it and makes room again.
func smallDisk(t *testing.T) (dir string, fill, free func()) {
	t.Helper()
	dir = t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=8m"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	ballast := filepath.Join(dir, "ballast")
	fill = func() {
		f, err := os.Create(ballast)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for part := make([]byte, 4096); err == nil; {
			_, err = f.Write(part)
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
	}
	free = func() {
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
	}
	return dir, fill, free
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

func TestAFullDiskIsSurvived(t *testing.T) {
	if !mayMount(t) {
		return
	}
	disk, fill, free := smallDisk(t)
	dir := filepath.Join(disk, "nats")
	b := start(t, broker.Options{Dir: dir, SyncAlways: true})
	defer b.Close()
	js, s := stream(t, "", nats.InProcessServer(b.InProcess()))
	stored := uint64(0)
	publish := func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := js.Publish(ctx, "s", make([]byte, 8<<10))
		if err == nil {
			stored++
		}
		return err == nil
	}
	publish()
	fill()
	if err := b.Sick(); err != nil {
		t.Errorf("sick before anything failed: %v", err)
	}
	eventually(t, "a write fails", func() bool { return !publish() })
	if err := b.Sick(); err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("sick: %v", err)
	}
	if err := b.Heal(); err == nil || !strings.Contains(err.Error(), "free some space on the disk of data_dir") {
		t.Errorf("healed on a full disk: %v", err)
	}
	free()
	if publish() {
		t.Error("the server heals by itself: all this is not needed any more")
	}
	if err := b.Heal(); err != nil {
		t.Fatal(err)
	}
	if err := b.Sick(); err != nil {
		t.Errorf("still sick: %v", err)
	}
	eventually(t, "it stores", publish)
	info, err := s.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if info.State.Msgs < stored {
		t.Errorf("%d messages of %d that were acknowledged", info.State.Msgs, stored)
	}
}

func TestStartOnAFullDiskSaysWhatToDo(t *testing.T) {
	if !mayMount(t) {
		return
	}
	disk, fill, _ := smallDisk(t)
	fill()
	_, err := broker.Start(broker.Options{Dir: filepath.Join(disk, "nats"), Log: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), "no space left on device; free some space on the disk of data_dir") {
		t.Errorf("got %v", err)
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("never happened: %s", what)
}
