// Package boot knows how the run before this one ended, and keeps what the next one has to know: restart.json, in the directory of
// the state. A power cut is told from the crash of one process by the name that the kernel gives to each boot; where it gives none
// (outside Linux), no power cut is ever noticed.
package boot
