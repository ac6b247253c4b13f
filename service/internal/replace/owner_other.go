//go:build !unix

package replace

import "os"

// GiveAway has nothing to do: whoever makes a file here gets the access list of the directory.
func GiveAway(*os.File, string) {}
