// Package sitetest simulates a site — name servers, DHCP servers, Registrars with TLS, those of Lync too, and Media
// Relays — from a text file, for tests and for people who write phone software (cmd/lab runs it). It is not for
// production, it knows no client code, and it judges nothing: a test reads [Site.Log] and decides.
//
// The format of the file is described in docs/simulated-site.md, which tests compare with the tables of the parser.
//
// One file, two worlds. [Site.Start] keeps everything in memory, for the bubbles
// of testing/synctest. [Site.Listen] opens real sockets on loopback. The same
// code answers in both.
//
//	site, err := sitetest.Parse("outage.txtar", text)
//	wire, err := site.Start()   // or live, err := site.Listen()
//	defer site.Close()
//	conn, err := wire.Dial(ctx, "tcp", "10.0.0.5:5061")
//
// # Files
//
// words.go, lane.go, entry.go and wire.go are below all: words, simulated connections, what is logged, what a device
// touches. Then comes the file as data, up to parse.go, with a type for each section; a site that runs, with its clock, log
// and connections (simulation.go), and where the world outside finds its addresses (mapping.go); the name servers, the DHCP
// servers and the Media Relays; the Registrars, from messages, NTLM and TLS-DSK over what one remembers of a caller and what it
// answers to the connection that carries both (registrar.go), among them the web services; and the two worlds, memory.go and
// loopback.go.
//
// Read words.go first, then lane.go, entry.go, wire.go, markup.go, issued.go, webwords.go, dskpipe.go, zone.go, dhcp.go, manner.go, dskopenssl.go, document.go, relays.go, state.go,
// parse.go, certs.go, nonces.go, simulation.go, mapping.go, nameservers.go, dhcpservers.go, message.go, mediarelays.go, md4.go, ntlm.go,
// sipae.go, caller.go, answer.go, digest.go, signin.go, mras.go, subscribe.go, lync.go, webanswer.go, webticket.go, webcert.go, webrenew.go, web.go, registrar.go, registrars.go,
// servers.go, memory.go, loopback.go, full_linux.go, door.go, site.go, devicecert.go, page.go.
package sitetest
