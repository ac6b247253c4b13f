//go:build !unix

package safefile

import (
	"io/fs"
	"os"
)

// GiveAway has nothing to do: whoever makes a file here gets the access list of the directory.
func GiveAway(*os.File, string) {}

// Private has nothing to read here: the access list of the directory decides.
func Private(*os.File, fs.FileMode) error { return nil }

// UserName does not exist here: users have no numbers.
func UserName(int) string { return "" }

// OfAnother is not known here.
func OfAnother(string) (owner, us string, other bool) { return "", "", false }
