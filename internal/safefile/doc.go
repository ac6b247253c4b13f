// Package safefile opens files whose place somebody else can change: in a directory of the daemon's user, whom root must not
// obey, and wherever a pipe could stand instead of a file.
//
// Read open_unix.go first, then open.go, unopened.go.
package safefile
