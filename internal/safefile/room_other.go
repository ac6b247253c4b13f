//go:build !linux

package safefile

// RoomIn is not known here.
func RoomIn(string) (bytes, files uint64, known bool) { return 0, 0, false }
