package main

import (
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"homeward/e2e/needs"
)

func TestRoutes(t *testing.T) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		needs.Missing(t, "platform", "the table was taken from a little-endian machine")
	}
	routes := append(routes4([]string{
		"Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT",
		"eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0",
		"eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0",
		"eth1\t000300C0\t00000000\t0000\t0\t0\t0\t00FFFFFF\t0\t0\t0",
		"short",
	}), routes6([]string{
		"fd000000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0",
		"00000000000000000000000000000000 00 00000000000000000000000000000000 00 fd000000000000000000000000000001 00000400 00000002 00000000 00000003     eth0",
		"00000000000000000000000000000001 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 00000004 00000000 80200001       lo",
		"short",
	})...)
	got, err := json.Marshal(routes)
	if err != nil {
		t.Fatal(err)
	}
	want := `[{"to":"0.0.0.0/0","via":"192.0.2.1","interface":"eth0","metric":100},{"to":"192.0.2.0/24","interface":"eth0","metric":0},` +
		`{"to":"fd00::/64","interface":"eth0","metric":256},{"to":"::/0","via":"fd00::1","interface":"eth0","metric":1024}]`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

// Of a file that is too large the whole lines at its beginning are told, and that it was cut.
func TestFieldALargeFileOfTheSystemIsCutAloud(t *testing.T) {
	file := filepath.Join(t.TempDir(), "table")
	line := strings.Repeat("x", 999) + "\n"
	for _, test := range []struct {
		size, lines int
		cut         []string
	}{{10, 10, nil}, {maxSystemFile/1000 + 1, maxSystemFile / 1000, []string{file}}} {
		if err := os.WriteFile(file, []byte(strings.Repeat(line, test.size)), 0o600); err != nil {
			t.Fatal(err)
		}
		var s systemPart
		if got := s.linesOf(file); len(got) != test.lines || len(got[test.lines-1]) != len(line)-1 || !slices.Equal(s.Cut, test.cut) {
			t.Errorf("%d lines of %d, cut %q", len(got), test.size, s.Cut)
		}
	}
}
