// Package sip registers with one SIP Registrar over one stream connection, and keeps the binding alive.
//
// The connection is handed in, connected and, for TLS, verified. A Session sends REGISTER, answers challenges, refreshes
// the binding before it ends, watches over the connection with CRLF keep-alives (RFC 5626), and answers the requests a
// Registrar may send. It is strict in what it sends and lenient in what it takes: Registrars differ. The text of every
// header is kept as it stood on the wire, because signatures (MS-SIPAE) cover that text.
//
// It is not for deciding where to register, what a failure means, or when to try again: nothing here retries beyond what
// a challenge or a 423 asks for. It places no calls, knows neither UDP nor DNS, and logs nothing.
//
//	session := sip.NewSession(conn, true, sip.Account{AOR: "sip:phone1@contoso.com", Password: secret, Schemes: []string{"digest"}})
//	defer session.Close()
//	binding, err := session.Register(ctx)
//	...
//	err = session.Keep(ctx, func(b sip.Binding) { binding = b }) // until the binding is lost or ctx ends
//	err = session.Unregister(ctx)
package sip
