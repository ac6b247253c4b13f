// Command agent is homeward: the daemon that finds the Lync SIP Registrar of a device and registers with it,
// and the commands that show what it does. It is installed under the name homeward.
//
// This package reads flags, prints, and decides exit codes; each verb is a file. What the flags and the configuration file
// come to is decided in internal/config, and what is done about Registrars below provisioning. run.go shows how the parts
// are put together.
package main
