// Package sip registers with one SIP Registrar over one stream connection, keeps the binding alive, and asks a Lync server
// for in-band provisioning: settings and Media Relays.
//
// The connection is handed in, connected and, for TLS, verified. A Session sends REGISTER, answers challenges, refreshes
// the binding before it ends, watches over the connection with CRLF keep-alives (RFC 5626), and answers the requests a
// Registrar may send. Where it signs in with NTLM or a certificate, each message is signed and each of the Registrar's checked (MS-SIPAE). It
// is strict in what it sends and lenient in what it takes: Registrars differ. The text of every header is kept as it
// stood on the wire, because signatures cover that text.
//
// It is not for deciding where to register, what a failure means, or when to try again: nothing here retries beyond what
// a challenge or a 423 asks for. It places no calls, knows neither UDP nor DNS, and logs nothing.
//
// Read limits.go first, then errors.go, subject.go, value.go, message.go, framing.go, document.go, instance.go, useragent.go (what stands
// on the wire), certificate.go, nonce.go, account.go, answer.go, challenge.go, association.go, agreement.go, ntlm.go, dsk.go, digest.go, auth.go (how we prove who we are),
// composer.go, flow.go, pauses.go, connection.go, conversation.go (how requests and answers go to and fro), registration.go, greet.go,
// provisioning.go, subscription.go, relays.go, responder.go (what is said), session.go, keep.go (what callers see).
//
//	session := sip.NewSession(conn, true, sip.Account{AOR: address, Password: secret, Schemes: []string{"ntlm", "digest"}})
//	defer session.Close()
//	binding, err := session.Register(ctx)
//	...
//	err = session.Keep(ctx, sip.Watch{Refreshed: func(b sip.Binding) { binding = b }}) // until the binding is lost or ctx ends
//	err = session.Unregister(ctx)
package sip
