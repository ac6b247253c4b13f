package service

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Only what a file holds, too, is given back: not data, not what is writable, and not constants with relocations (of a
// position-independent program), whichever file they come from.
func TestIdleMappings(t *testing.T) {
	const smaps = `00400000-00b53000 r-xp 00000000 fe:00 9994793                            /usr/bin/homeward
Rss:                5388 kB
Private_Dirty:      5388 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me 
00b53000-012e8000 r--p 00753000 fe:00 9994793                            /usr/bin/homeward
Rss:                4448 kB
Anonymous:             8 kB
012e8000-01351000 rw-p 00ee8000 fe:00 9994793                            /usr/bin/homeward
Anonymous:             0 kB
01351000-03396000 r--p 00000000 fe:00 17                                 /usr/lib/usr/bin/homeward.so
Anonymous:             0 kB
c000000000-c000400000 r--p 00000000 00:00 0 
Anonymous:             0 kB
7f0000000000-7f0000001000 r--p 00000000 fe:00 9994793                    /usr/bin/homeward
Anonymous:             0 kB
`
	want := []mapping{{0x400000, 0xb53000}, {0x7f0000000000, 0x7f0000001000}}
	if diff := cmp.Diff(want, idleMappings([]byte(smaps), "/usr/bin/homeward"), cmp.AllowUnexported(mapping{})); diff != "" {
		t.Error(diff)
	}
}

// What is given back is not in memory any more, but for what is used at once; and this program goes on.
func TestUnmapIdle(t *testing.T) {
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	idle := idleMappings(smaps, self)
	mem, err := os.Open("/proc/self/mem")
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	size := 0
	for _, m := range idle {
		size += int(m.to-m.from) >> 10
		for at := m.from; at < m.to; at += uintptr(os.Getpagesize()) { // brings each page into memory
			if _, err := mem.ReadAt(make([]byte, 1), int64(at)); err != nil {
				t.Fatal(err)
			}
		}
	}
	before := resident(t, idle)
	unmapIdle()
	if after := resident(t, idle); size == 0 || before < size/2 || after > before/2 {
		t.Errorf("%d KiB can be given back; %d KiB were in memory, then %d", size, before, after)
	}
}

// resident is how much of mappings is in memory, in KiB.
func resident(t *testing.T, of []mapping) (sum int) {
	t.Helper()
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	ours := false
	for line := range strings.Lines(string(smaps)) {
		var m mapping
		var size int
		if n, _ := fmt.Sscanf(line, "%x-%x ", &m.from, &m.to); n == 2 {
			ours = slices.Contains(of, m)
		} else if n, _ := fmt.Sscanf(line, "Rss: %d kB", &size); n == 1 && ours {
			sum += size
		}
	}
	return sum
}
