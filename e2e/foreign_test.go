//go:build linux

package e2e

import (
	"debug/buildinfo"
	"debug/elf"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// processors are those that homeward is made for, with the emulator of each.
var processors = []struct {
	goarch, emulator string
	machine          elf.Machine
	setting          string // of the build
}{
	{"amd64", "qemu-x86_64-static", elf.EM_X86_64, "GOAMD64=v1"},
	{"arm64", "qemu-aarch64-static", elf.EM_AARCH64, "GOARM64=v8.0"},
	{"arm", "qemu-arm-static", elf.EM_ARM, "GOARM=7"},
	{"mipsle", "qemu-mipsel-static", elf.EM_MIPS, "GOMIPS=softfloat"},
	{"riscv64", "qemu-riscv64-static", elf.EM_RISCV, "GORISCV64=rva20u64"},
}

// makeCross builds homeward for every system and processor, as `make cross` does, and returns the directory.
func makeCross(t testing.TB, version string) string {
	t.Helper()
	program(t, "make")
	dir := copySource(t)
	cmd := exec.Command("make", "cross", "VERSION="+version)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make cross: %v\n%s", err, out)
	}
	return dir + "/dist"
}

// TestForeignProcessors: homeward is built for every system. What is built for Linux needs nothing but a kernel, starts on
// each processor, registers there, and goes on with what it wrote on another one when DNS and DHCP are dead; what one of them
// has written all of them read alike.
func TestForeignProcessors(t *testing.T) {
	s := newSite(t)
	startKamailio(t, s, settings{})
	s.device.address(t, "add", deviceAddr)
	d := newDevice(t, s, `dhcp = "off"`)
	for _, p := range processors {
		if p.goarch != runtime.GOARCH {
			program(t, p.emulator)
		}
	}
	dist := makeCross(t, "v1.0.0")
	for _, name := range []string{"windows-amd64.exe", "darwin-arm64", "freebsd-amd64"} {
		if _, err := buildinfo.ReadFile(dist + "/homeward-" + name); err != nil {
			t.Error(err)
		}
	}
	on := func(goarch string) *device { // the device with another processor
		d := *d
		d.binary = dist + "/homeward-linux-" + goarch
		for _, p := range processors {
			if p.goarch == goarch && goarch != runtime.GOARCH {
				d.through = []string{p.emulator}
			}
		}
		return &d
	}
	var before lastGood
	for i, p := range processors {
		t.Run(p.goarch, func(t *testing.T) {
			d := on(p.goarch)
			lookInside(t, d.binary, p.machine, p.setting)
			if out, _ := d.run(t, "version"); !strings.HasPrefix(out, "homeward v1.0.0\n") || !strings.Contains(out, " linux/"+p.goarch+"\n") {
				t.Errorf("version says\n%s", out)
			}
			if out, code := d.run(t, "config", "check"); code != 0 {
				t.Errorf("config check: exit code %d\n%s", code, out)
			}
			d.process = start(t, d.host, d.argv("run")...) // not in the box of the unit: an emulator writes what it runs
			if i > 0 {
				d.awaitDegraded(t)
			}
			startNamed(t, s.dns, zoneWith([]place{at("internal-tls"), second}[i%2])) // a new Registrar is written at once
			d.awaitRegistered(t)
			if code := d.stop(t); code != 0 {
				t.Errorf("SIGTERM ends the daemon with %d", code)
			}
			database := filepath.Join(d.dir, "state/homeward.db")
			var now lastGood
			d.json(t, &now, "cache", "show", "--json", "--file", database)
			if now.Generation <= before.Generation || now.Registrar.Host == before.Registrar.Host {
				t.Errorf("it has written nothing: %+v, before %+v", now, before)
			}
			before = now
			want, _ := d.run(t, "cache", "show", "--json", "--file", database)
			for _, other := range processors {
				if got, code := on(other.goarch).run(t, "cache", "show", "--json", "--file", database); code != 0 || got != want {
					t.Errorf("%s reads, with exit code %d,\n%s\nand %s\n%s", other.goarch, code, got, p.goarch, want)
				}
			}
		})
	}
}

// lastGood is the part of `homeward cache show --json` that the test looks at.
type lastGood struct {
	Generation uint64
	Registrar  struct{ Host string }
}

// lookInside: a binary is static, stripped, and built for the smallest machine that it is said to run on.
func lookInside(t testing.TB, binary string, machine elf.Machine, setting string) {
	t.Helper()
	f, err := elf.Open(binary)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Machine != machine {
		t.Errorf("it is for %v, want %v", f.Machine, machine)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("it is not static: %v", p.ProgHeader)
		}
	}
	if f.Section(".symtab") != nil || f.Section(".debug_info") != nil {
		t.Error("it is not stripped")
	}
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(info.String(), "build\t"+setting+"\n") || !strings.Contains(info.String(), "build\tCGO_ENABLED=0\n") {
		t.Errorf("it is not built with %s:\n%s", setting, info)
	}
}
