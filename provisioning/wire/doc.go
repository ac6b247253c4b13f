// Package wire is the one seam: what the daemon touches on the network. Tests replace it, and nothing else of ours.
package wire
