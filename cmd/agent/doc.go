// Command agent is homeward: the daemon that finds the Lync SIP Registrar of a device and registers with it,
// and the commands that show what it does. It is installed under the name homeward.
//
// This package reads flags and the configuration file, prints, and decides exit codes; each verb is a file.
// Nothing here decides about Registrars: that is the package provisioning. run.go shows how the parts are put
// together.
package main
