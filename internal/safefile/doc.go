// Package safefile opens files whose place somebody else can change: in a directory of the daemon's user, whom root must not
// obey, and wherever a pipe could stand instead of a file. It also makes such files: whole or not at all, and for whom they are.
//
// Read open_unix.go first, then open.go, owner_unix.go, room_linux.go, dir.go, replace.go, quoted.go, unopened.go.
package safefile
