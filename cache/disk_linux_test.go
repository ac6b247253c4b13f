package cache

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"homeward/e2e/needs"
)

func readOnly(t *testing.T, dir string, on bool) {
	t.Helper()
	flags := uintptr(syscall.MS_REMOUNT)
	if on {
		flags |= syscall.MS_RDONLY
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", flags, ""); err != nil {
		t.Fatal(err)
	}
}

func TestX19ReadOnlyFileSystem(t *testing.T) {
	const db = "cache-read-only: homeward.db: read-only file system; "
	stays := "the record of " + record(3).RegisteredAt.UTC().Format("2006-01-02 15:04 UTC") + " is kept as it is, only newer changes are not stored"
	for _, tt := range []struct {
		name    string
		records int
		spoil   func(*testing.T, string)
		want    start
	}{
		{"a healthy device", 3, func(*testing.T, string) {}, untouched(3, db+stays)},
		{"a device that never registered", 0, func(*testing.T, string) {}, start{0, []string{db + "nothing can be stored there"}, nil}},
		{"a damaged database, too", 3, database(func(b []byte) []byte { return flip(b, int(must(native.newestMeta(b)).root)*pageSize) }),
			untouched(3, "cache-read-only: homeward.db: page 3 is not the page it should be, and it cannot be set aside: read-only file system; "+stays)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := needs.Mounted(t, "")
			if tt.records > 0 {
				from := deviceAfter(t, tt.records)
				for _, name := range []string{"homeward.db", "last-good.json"} {
					mustWrite(t, dir, name, mustRead(t, from, name))
				}
				tt.spoil(t, dir)
			}
			readOnly(t, dir, true)
			device := Open(dir)
			if d := diff(tt.want, startOf(t, dir, device)); d != "" {
				t.Error(d)
			}
			n := tt.records + 1
			var note Note
			if changed, err := device.Commit(record(n)); !changed || !errors.As(err, &note) || note.Code != "cache-read-only" {
				t.Errorf("Commit = %v, %v", changed, err)
			}
			if d := diff(committed(n), load(device)); d != "" {
				t.Error(d)
			}
			readOnly(t, dir, false)
			if changed, err := device.Commit(record(n)); changed || err != nil {
				t.Errorf("once it can be written: Commit = %v, %v", changed, err)
			}
			if d := diff(committed(n), load(Open(dir))); d != "" {
				t.Error(d)
			}
			for _, n := range device.Notes() {
				if n.Code == "cache-read-only" {
					t.Errorf("still said: %v", n)
				}
			}
		})
	}
}

func TestX20FullDisk(t *testing.T) {
	dir := needs.Mounted(t, "size=256k")
	db := Open(dir)
	for n := range 3 {
		if _, err := db.Commit(record(n + 1)); err != nil {
			t.Fatal(err)
		}
	}
	filler, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = filler.Write(make([]byte, 512))
	}
	filler.Close()
	var last error
	n := 3
	for ; n < 40 && last == nil; n++ { // in place there is room for a while
		_, last = db.Commit(record(n + 1))
	}
	full := fmt.Sprint(db.Notes())
	if !strings.Contains(full, "no space left on device") {
		t.Errorf("notes %s", full)
	}
	t.Logf("commit %d: %v", n, last)
	if r := load(db); r.Generation != uint64(n) {
		t.Errorf("memory holds generation %d, want %d", r.Generation, n)
	}
	kept := load(Open(dir))
	if d := diff(committed(int(kept.Generation)), kept); d != "" || kept.Generation < 3 {
		t.Error(d)
	}
	if err := os.Remove(filler.Name()); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Commit(record(n)); err != nil {
		t.Errorf("once there is room: %v", err)
	}
	if d := diff(committed(n), load(Open(dir))); d != "" {
		t.Error(d)
	}
}

// X21: every flush of the disk fails, for the whole life of a process.
func TestX21FlushThatFails(t *testing.T) {
	strace := needs.Program(t, "strace")
	dir := deviceAfter(t, 3)
	c := child(t, "commits", dir)
	c.Args = append([]string{strace, "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:error=EIO"}, c.Path)
	c.Path = strace
	out, err := c.Output()
	const want = "ready\nstart 3 true\nerror %s: input/output error; the record is kept in memory only\n"
	if d := diff(fmt.Sprintf(want, filepath.Join(dir, "homeward.db")), string(out)); d != "" || err != nil {
		t.Error(err, d)
	}
	after := load(Open(dir)) // never worse than yesterday; a flush that failed may still have reached the disk
	if d := diff(committed(int(after.Generation)), after); d != "" || after.Generation < 3 {
		t.Error(d)
	}
}

// needLoopDevices skips where none can be mounted at all. After it, a mount that fails is a failure: a file system
// that a cut has made unusable must not pass for a missing privilege.
func needLoopDevices(t *testing.T) {
	t.Helper()
	image, device := filepath.Join(t.TempDir(), "probe"), t.TempDir()
	if err := errors.Join(os.WriteFile(image, nil, 0o600), os.Truncate(image, 16<<20)); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mkfs.ext4", "-q", image).CombinedOutput(); err != nil {
		t.Fatalf("mkfs.ext4: %v: %s", err, out)
	}
	if out, err := exec.Command("mount", "-o", "loop", image, device).CombinedOutput(); err != nil {
		needs.Missing(t, "loop", fmt.Sprintf("%v: %s", err, out))
	}
	if err := syscall.Unmount(device, 0); err != nil {
		t.Fatal(err)
	}
}

// The power is cut at any moment: the file system stops in the middle of everything, and what was
// never flushed is lost. 5 cuts, or HOMEWARD_POWER_CUTS.
func TestX31PowerCut(t *testing.T) {
	if os.Getuid() != 0 {
		needs.Missing(t, "root", "")
	}
	needs.Program(t, "mkfs.ext4")
	needs.Program(t, "mount")
	image, device := filepath.Join(t.TempDir(), "device"), t.TempDir()
	run := func(name string, args ...string) {
		t.Helper()
		if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", name, err, out)
		}
	}
	t.Cleanup(func() { _ = syscall.Unmount(device, syscall.MNT_DETACH) })
	needLoopDevices(t)
	acknowledged, repaired := 0, 0
	cuts := number(t, "HOMEWARD_POWER_CUTS", 5)
	for cut := range cuts {
		if cut%5 == 0 { // a new device: cut while its files are born
			if err := errors.Join(os.WriteFile(image, nil, 0o600), os.Truncate(image, 16<<20)); err != nil {
				t.Fatal(err)
			}
			run("mkfs.ext4", "-q", image)
			acknowledged = 0
		}
		// A new file for each life: whoever copied our mounts meanwhile still holds the dead file system.
		run("cp", "--sparse=always", image, image+".next")
		if err := os.Rename(image+".next", image); err != nil {
			t.Fatal(err)
		}
		run("mount", "-o", "loop,commit=1000", image, device)
		db := Open(filepath.Join(device, "state"))
		if got := int(load(db).Generation); got < acknowledged || got > 0 && diff(committed(got), load(db)) != "" {
			t.Fatalf("cut %d: generation %d, but %d was acknowledged: %v", cut, got, acknowledged, db.Notes())
		}
		if len(db.Notes()) > 0 {
			repaired++
		}
		if cut%5 == 0 {
			_ = os.RemoveAll(filepath.Join(device, "state")) // the child has the first start
		}
		c := child(t, "commits", filepath.Join(device, "state"))
		out, err := c.StdoutPipe()
		if err == nil {
			err = c.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		lines.Scan() // "ready"
		<-time.After(time.Duration(rand.IntN(60)) * time.Millisecond)
		powerOff(t, device)
		_ = c.Process.Kill()
		for lines.Scan() {
			fmt.Sscanf(lines.Text(), "ack %d", &acknowledged)
		}
		_ = c.Wait()
		if err := syscall.Unmount(device, 0); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d power cuts, %d starts had a copy to repair", cuts, repaired)
}

func powerOff(t *testing.T, device string) {
	const shutdown = 0x8004587D // EXT4_IOC_SHUTDOWN
	noLogFlush := uint32(2)
	d, err := os.Open(device)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, d.Fd(), shutdown, uintptr(unsafe.Pointer(&noLogFlush))); errno != 0 {
		needs.Missing(t, "loop", "stop ext4: "+errno.Error())
	}
}
