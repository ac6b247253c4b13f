// Package wire is the seam: everything that the daemon touches on the network. It is the only package that tests replace.
package wire
