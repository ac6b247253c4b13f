// Package ntlm is the client side of NTLM as SIP Registrars of the Lync family use it (MS-SIPAE over MS-NLMP): no
// NEGOTIATE message, NTLMv2 only, and a session whose every message is signed on its own, always with sequence number 100.
//
// Authenticate turns a Registrar's CHALLENGE into our AUTHENTICATE message. The Security that comes with it signs what we
// send and checks what the Registrar sends; it proves the Registrar too, because only who knows the password's hash can
// compute its keys. A challenge is a stranger's word: it is refused when it is damaged, and when it would have us use less
// than NTLMv2 and 128-bit keys.
//
// Negotiate and Answer are for NTLM on a connection, as web services ask for it (RFC 4559). It is not for other uses (SMB), and
// it never speaks NTLMv1 or LM. It knows neither SIP headers nor what they sign: the caller decodes gssapi-data and composes the
// text to sign.
//
//	message, security, err := ntlm.Authenticate(challenge, ntlm.Credentials{User: `CONTOSO\phone1`, Password: reveal})
//	...
//	response := security.Sign(text)
//	...
//	if !security.Verify(text, rspauth) { ... }
//
// Read challenge.go first, then security.go, authenticate.go, connection.go.
package ntlm
