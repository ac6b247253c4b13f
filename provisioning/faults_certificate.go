package provisioning

// Signing in with a certificate (TLS-DSK). None of these is about the password.
var (
	FaultFirstUse = declare("trust.first-use", SIPAuthNotSupported, SideDevice,
		"{host} asks for the password, which is not sent: the authority that vouches for it was trusted on first use, and nobody has compared it ({anchor})",
		"compare the fingerprint with that of the site's root certificate, then run: homeward trust accept {anchor}; or set first_use_sends_credentials = true")
	FaultNoIdentity = declare("identity.none", SIPAuthNotSupported, SideDevice,
		"{host} offers only {offered} for signing in, but this device has no certificate",
		"enrol: let the device sign in with a password once, at a Registrar that offers NTLM and names its certificate service; or import a certificate: homeward identity import FILE")
	FaultIdentityRefused = declare("identity.refused", CertificateRefused, SideAccount,
		"{host} does not accept the certificate of this device[ ({subject}, valid until {ends})][: {said}]",
		"if the certificate was issued within the last minutes, wait until it has reached all servers|"+
			"it may have been revoked or replaced: set password_file, so that the device can ask for a new one, or import one"+skewed)
	FaultIdentityUnknown = declare("identity.unknown", CertificateRefused, SideAccount,
		"{host} does not know the certificate of this device[ ({subject}, valid until {ends})], or does not allow it[: {said}]",
		"import a certificate that the pool has issued, or set password_file, so that the device can ask for one"+skewed)
	FaultIdentityRevoked = declare("identity.revoked", CertificateRefused, SideAccount,
		"{host} says that the certificate of this device[ ({subject})] is revoked[: {said}]", "if the device is not lost: set password_file, so that it can ask for a new certificate, or import one")
	FaultIdentityExpired = declare("identity.expired", CertificateExpired, SideDevice,
		"the certificate of this device[ ({subject})] has expired[: it was valid until {ends}]",
		"set password_file, so that the device can ask for a new one, or import one"+skewed)
	FaultIdentityForeign = declare("identity.foreign", CertificateRefused, SideAccount,
		"{host} says that the certificate of this device[ ({subject})] belongs to another SIP address[: {said}]", "correct the setting sip_address, or import the certificate of that address")
	FaultIdentityHandshake = declare("identity.handshake", SIPAuthNotSupported, SideRegistrar,
		"the sign-in with a certificate (TLS-DSK) fails at {host} before the certificate is judged: {problem}",
		"check that certificate authentication is enabled on the Registrar and its pool, and the log of the Registrar; until then the device can use NTLM, with a password")
	FaultOnlyDaemon = declare("identity.daemon-only", "", SideDevice,
		"the certificate of this device was not tried here, because only the daemon signs in with it while it runs[; the daemon pauses until {until}][: {problem}]",
		"[{advice}; ]to see how the daemon stands, run: homeward status; to try the certificate here, stop homeward and run this command again as root")
	FaultDaemonUnknown = declare("identity.daemon-unknown", "", SideDevice,
		"the certificate of this device was not tried here, because it is not known whether the daemon uses it: {problem}", "run this command again as root")
	FaultIdentityServer = declare("identity.server-not-proven", RegistrarNotProven, SideRegistrar,
		"the server that {host} signs devices in with[ ({target})] has not proven that it belongs to this site[: {said}]",
		`give it a certificate for its name, by an authority that this device trusts (setting roots); if its name is outside the SIP domain and should be accepted all the same: strict_naming = "off"`)
)

// skewed ends an advice where both clocks are far enough apart to put the dates of a certificate in doubt.
const skewed = "|[the clock of the Registrar and that of this device are {skew} apart: correct the wrong one]"
