package service

import (
	"bufio"
	"bytes"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// unmapIdle takes the program's own code and constants out of this process, of which an idle device uses a tenth. They are read
// again as they are used: from the page cache, as a rule. What stands in no file is left alone.
func unmapIdle() {
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return
	}
	for _, m := range idleMappings(maps, self) {
		// It is refused where the pages are locked, and does no harm.
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, m.from, m.to-m.from, unix.MADV_DONTNEED)
	}
}

// mapping is a range of addresses.
type mapping struct{ from, to uintptr }

// idleMappings are the mappings of a file that nobody can write to, and of which nothing is the process's own, as
// relocations are (proc(5)).
func idleMappings(smaps []byte, file string) (idle []mapping) {
	var m mapping
	var ours bool
	for lines := bufio.NewScanner(bytes.NewReader(smaps)); lines.Scan(); {
		line := lines.Text()
		begin, rest, _ := strings.Cut(line, "-") // 00400000-00b53000 r-xp 00000000 fe:00 9994793    /usr/bin/homeward
		end, rest, _ := strings.Cut(rest, " ")
		from, errFrom := strconv.ParseUint(begin, 16, strconv.IntSize)
		to, errTo := strconv.ParseUint(end, 16, strconv.IntSize)
		if errFrom == nil && errTo == nil {
			rights, _, _ := strings.Cut(rest, " ")
			m, ours = mapping{uintptr(from), uintptr(to)}, !strings.Contains(rights, "w") && strings.HasSuffix(line, " "+file)
			continue
		}
		if own, ok := strings.CutPrefix(line, "Anonymous:"); ours && ok && strings.Fields(own)[0] == "0" {
			idle = append(idle, m)
		}
	}
	return idle
}
