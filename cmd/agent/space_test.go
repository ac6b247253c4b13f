package main

import (
	"fmt"
	"testing"
)

func TestMend112RoomFacts(t *testing.T) {
	const none, little = "map[none:true room:no space]", "map[little:true room:only 63 KiB of space]"
	for _, test := range []struct {
		bytes, files uint64
		known, met   bool
		want         string
	}{
		{bytes: 0, files: 100, known: true, want: none},
		{bytes: scarce - 1, files: 100, known: true, want: little},
		{bytes: scarce, files: 100, known: true, want: "map[]"},
		{bytes: 1 << 30, files: 0, known: true, want: "map[none:true room:no inode]"},
		{bytes: 1 << 30, files: 0, known: true, met: true, want: "map[none:true room:no inode]"},
		{bytes: 1 << 30, files: 100, known: true, met: true, want: none}, // a file system that tells otherwise than it does
		{met: true, want: none},
		{want: "map[]"},
	} {
		if got := fmt.Sprint(roomFacts(test.bytes, test.files, test.known, test.met)); got != test.want {
			t.Errorf("%+v: %s", test, got)
		}
	}
}
