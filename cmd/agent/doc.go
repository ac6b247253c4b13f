// Command agent is homeward: the daemon that finds the Lync SIP Registrar of a device and registers with it,
// and the commands that show what it does. It is installed under the name homeward.
//
// This package reads flags, prints, and decides exit codes; each verb is a file. What the flags and the configuration file
// come to is decided in internal/config, and what is done about Registrars below provisioning. run.go shows how the parts
// are put together.
//
// Read wrap.go first, then print.go, env.go, verbs.go, complete.go, version.go, daemon.go, flags.go, lastgood.go, and verb by verb
// space.go, run.go, status.go, cache.go, identity.go, plan.go, lending.go, check.go, drill.go, recipes.go, dhcp_options.go, encode.go, dhcp.go, since.go, over.go, history.go, trust.go, report.go, config.go,
// service.go, system.go, redact.go, bundle_pieces.go, bundle_parts.go, bundle_page.go, bundle.go; then help.go, main.go.
package main
