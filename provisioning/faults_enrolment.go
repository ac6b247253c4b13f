package provisioning

// The device's own certificate: how it is got, and what is wrong with it. {at} is a web service, {said} are its own words.
var (
	FaultEnrolName = declare("enrol.name", EnrolFailed, SideRegistrar,
		"the Registrar names the certificate service {host}, which is not under {domain}: nothing is sent there",
		"give the web services of the pool a name under {domain}")
	FaultEnrolNoService = declare("enrol.no-service", EnrolFailed, SideRegistrar,
		"no Registrar has named a certificate service since homeward started", "wait until the device is registered; a Registrar names it when it offers TLS-DSK (Set-CsProxyConfiguration -UseCertificateForClientToProxyAuth $true)")
	FaultEnrolUnreachable = declare("enrol.unreachable", EnrolFailed, SideRegistrar,
		"no certificate for sign-in, since the certificate service cannot be reached: {cause}",
		"check that the web services of the pool (IIS) run on {host}, and that this device may connect to its port {port}")
	FaultEnrolUntrusted = declare("enrol.untrusted", EnrolFailed, "",
		"no certificate for sign-in, since the certificate service is not trusted: {cause}", "{cause.do}")
	FaultEnrolNoAddress = declare("enrol.no-address", EnrolFailed, SideDNS,
		"no certificate for sign-in, since the certificate service {host} has no address[: {problem}]", "create the A record of {host} in the DNS zone that this device asks")
	FaultEnrolDown = declare("enrol.down", EnrolFailed, SideRegistrar,
		"no certificate for sign-in, since the web service {at} does not work: {problem}", "check the web services of the pool (IIS); the device stays registered meanwhile")
	FaultEnrolNotThere = declare("enrol.not-there", EnrolFailed, SideRegistrar,
		"no certificate for sign-in, since there is no certificate service at {at}: {problem}",
		"check the URL of the web services of the pool, and the reverse proxy in front of them; if the site gives out no certificates, set enrol = false")
	FaultEnrolBroken = declare("enrol.broken", EnrolFailed, "",
		"no certificate for sign-in, since what {at} sends is not valid: {problem}", "look for a proxy, firewall or sign-in portal between this device and the web services")
	FaultEnrolMethod = declare("enrol.method", EnrolFailed, SideRegistrar,
		"no certificate for sign-in, since {at} offers only {offered}", "enable Windows authentication for the web services: Set-CsWebServiceConfiguration -UseWindowsAuth NTLM")
	FaultEnrolCredentials = declare("enrol.credentials", EnrolFailed, "",
		"no certificate for sign-in, since {at} refuses the user name or the password[: {said}]",
		"the Registrar takes them: check that a domain controller can be reached from the web services, and that the account may use NTLM there")
	FaultEnrolPIN = declare("enrol.pin", EnrolFailed, SideAccount,
		"no certificate for sign-in, since {at} refuses the phone number or the PIN[: {said}]",
		"check the settings phone and pin_file, and the PIN of the user (Get-CsClientPinInfo); it may be locked or expired. The form of this sign-in is a guess: see docs/certificates.md")
	FaultEnrolNotRenewed = declare("enrol.not-renewed", EnrolFailed, SideDevice,
		"the certificate of this device is not renewed: {at} does not take it, and this device has no password[ ({said})]",
		"set password_file, or bring another certificate before this one ends (homeward identity import FILE)")
	FaultEnrolChallenge = declare("enrol.challenge", EnrolFailed, SideRegistrar,
		"no certificate for sign-in, since {at} asks for the password in a form that cannot be answered: {problem}", "look for a proxy in between that does not keep connections, and check the NTLM settings of the web server")
	FaultEnrolRefused = declare("enrol.refused", EnrolFailed, SideRegistrar,
		"{at} gives this device no certificate for sign-in: {said}", "check the log of the web services, and that the user's home pool and its store are available")
	FaultEnrolUnusable = declare("enrol.unusable", EnrolFailed, SideRegistrar,
		"the certificate for sign-in that {at} gives cannot be used: {problem}", "check the clocks of the web services and of this device, and the log of the web services")
	FaultEnrolStore = declare("enrol.store", EnrolFailed, SideDevice,
		"the new certificate for sign-in cannot be stored: {problem}", "check free space and permissions of state_dir")

	FaultIdentityDamaged = declare("identity.damaged", CertificateUnusable, SideDevice,
		"the certificate of this device, or its key, is damaged: {problem}",
		"look for failing flash; then run homeward identity forget, and get another one: homeward identity enrol, or homeward identity import FILE")
	FaultIdentityUnreadable = declare("identity.unreadable", CertificateUnusable, SideDevice,
		"the certificate of this device cannot be read: {problem}", "the directory identity in state_dir, and all that is in it, must belong to the user of the daemon")
	FaultIdentityNotOurs = declare("identity.not-ours", CertificateUnusable, SideDevice,
		"the certificate of this device belongs to {owner}, endpoint {epid}: it is not used",
		"if sip_address has changed, run homeward identity forget; if state_dir was copied from another device, delete it and start homeward again")
	FaultIdentityNotYetValid = declare("identity.not-yet-valid", CertificateUnusable, SideDevice,
		"the certificate of this device is not valid before {begins} (it is {now} here)", "set the clock of this device")
)
