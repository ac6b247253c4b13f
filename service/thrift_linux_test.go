package service

import (
	"os"
	"slices"
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

// This program has such mappings, and goes on when they are given back.
func TestUnmapIdle(t *testing.T) {
	count := func() int {
		smaps, err := os.ReadFile("/proc/self/smaps")
		if err != nil {
			t.Fatal(err)
		}
		self, err := os.Readlink("/proc/self/exe")
		if err != nil {
			t.Fatal(err)
		}
		return len(idleMappings(smaps, self))
	}
	before := count()
	unmapIdle()
	if after := count(); before == 0 || after != before {
		t.Errorf("%d mappings can be given back, then %d", before, after)
	}
	if numbers := []int{3, 1, 2}; !slices.IsSorted(slices.Sorted(slices.Values(numbers))) {
		t.Error("the code is another")
	}
}
