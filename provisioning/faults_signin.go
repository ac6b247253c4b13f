package provisioning

const compareLosses = "compare the times of the losses (homeward history --failures) with the logs of the Registrar and of what is on the path"

// itsWords is what to do about that of which a Registrar says that its refusal is about.
const itsWords = "\x0b"

// The sign-in: what a Registrar that speaks SIP makes of the device. {said} are its own words.
var (
	FaultNoSIP = declare("sip.no-answer", SIPNoAnswer, SideRegistrar,
		"{at}[ ({address})] accepts the connection, but does not answer SIP in time[: the request {arrived}]",
		"check that the Registrar service runs behind this port; if it runs, look at its load and that of its domain controllers: a device waits 4 s for an answer")
	FaultRegisterSilent = declare("sip.no-answer-to-register", SIPNoAnswer, SideRegistrar,
		"{at}[ ({address})] answers OPTIONS, but not REGISTER[: the request {arrived}]",
		"look into the log of {host} for the REGISTER of this device: a filter there, such as one of user agents, accounts or addresses, may drop it|"+
			"see whether what it needs for a sign-in, such as its database or domain controllers, answers in time: a device waits 4 s")
	FaultStepSilent = declare("sip.no-answer-in-sign-in", SIPNoAnswer, "",
		"{at}[ ({address})] answers {method} with {answer}, but no final answer comes in time[ {then}][: the request {arrived}]",
		"look into the log of {host} for this sign-in: what it needs for that, such as its database or domain controllers, may not answer in time (a device waits 4 s)|"+dropping)
	FaultSIPDropped = declare("sip.dropped", SIPNoAnswer, "",
		"{at}[ ({address})] accepts the connection and TLS[, and answers {method} with {answer}], but the[{-answer} next] SIP request of this device never arrives there: it is not acknowledged",
		dropping+"|check whether {host} is still running")
	FaultSlowAnswer = declare("sip.slow-answer", Slow, SideRegistrar,
		"{at} ({address}) takes {ms} ms to answer SIP", "look at the load of the Registrar and of its domain controllers: a device waits 4 s for an answer")
	FaultWentSilent = declare("sip.went-silent", SIPNoAnswer, "",
		"{at}[ ({address})] no longer answers on a connection that has worked until now",
		"run homeward check: it shows what still answers on the way to {host}, and on {host} itself")
	FaultIdleClosed = declare("connect.idle-closed", ConnectReset, "",
		"the connection to {at} was lost {count} in the last hour, each time after {idle} without traffic: something on the path, or the Registrar itself, closes idle connections",
		"raise the idle timeout of the load balancer, firewall or proxy in front of {host}, and of the Registrar, to 20 minutes or more")
	FaultLifeLimited = declare("connect.life-limited", ConnectReset, "",
		"the connection to {at} was lost {count} in the last hour, each time {life} after the sign-in, also while it was in use: something on the path, or the Registrar itself, limits how long a connection may last",
		"remove that limit from the load balancer, firewall or proxy in front of {host}, and from the Registrar, or raise it to a day or more")
	FaultLostOften = declare("connect.lost-often", "", "",
		"the registration at {at} was lost {count} in the last hour, the last time because: {cause}",
		compareLosses)
	FaultLostVariously = declare("connect.lost-variously", BindingLost, "",
		"the registration at {at} was lost {count} in the last hour, for different reasons; the latest first: {reasons}", compareLosses)
	FaultNotOurAnswer = declare("sip.other-answer", SIPNoAnswer, SideNetwork,
		"{at}[ ({address})] answers {begins}, but that does not match the request of this device: {differs} is another one",
		"look for a proxy or firewall in between that changes SIP messages (SIP ALG), and switch that off; if there is none, check the log of the Registrar")
	FaultNotSIP = declare("sip.not-spoken", SIPMalformed, SideRegistrar,
		"{at}[ ({address})] answers, but does not speak SIP[: its answer begins with {begins}]",
		"check that the address and port are those of the Registrar, and not of a web server or another service")
	FaultBadSIP = declare("sip.broken", SIPMalformed, "",
		"what {at} sends is not valid SIP: {problem}", "look for a proxy or firewall in between that changes SIP messages (SIP ALG)|check the log of the Registrar")
	FaultInBandUnreadable = declare("sip.in-band-unreadable", SIPMalformed, SideRegistrar,
		"the in-band provisioning of {host} cannot be read: {problem}", "the device stays registered, but check the in-band provisioning settings of the pool")
	FaultInBand = declare("sip.in-band-failed", "", SideRegistrar,
		"nothing was learned in band from {host}, neither its pool nor its media relays: {cause}",
		"see in the log of {host} why it does not answer; the device stays registered, and asks again every 10 minutes")
	FaultSlowSignIn = declare("sip.slow", SIPNoAnswer, "",
		"the Registrar answers, but the sign-in takes longer than a check waits[: TLS with {at} took {securing} ms, and one answer to SIP {took} ms]",
		"find out what takes so long: the way there, or the Registrar and its domain controllers; the daemon waits longer: see homeward status")

	FaultRefusedUnasked = declare("sip.refused-unasked", "", "",
		"{host} refuses this device before it has asked for a password, so the password is not the reason: {said}",
		itsWords+"[check on {host} that there is an account {of-account}, and that it may sign in]|see in the log of {host}, or of a proxy in front of it, which rule refuses this device: one for addresses[ (here {own})], for User-Agents[ ({agent})], or for SIP domains or users[ ({user})]")
	FaultAccountRefused = declare("sip.account-refused", SIPForbidden, SideAccount, "{host} refuses the sign-in: {said}",
		itsWords+"check that the account is enabled for SIP and may sign in from where this device is, and that the client version policy lets the device in")
	FaultUnknownUnasked = declare("sip.unknown-unasked", "", "",
		"{host} says, before it has asked for a password, that it does not know the SIP address[ {user}], or does not serve its domain: {said}",
		"check the spelling of sip_address, also of its domain|check on {host} that there is such an account, enabled for SIP, and that its domain is served there|"+
			"if another Registrar has the account, correct what names {host}")
	FaultAccountUnknown = declare("sip.account-unknown", SIPNotFound, SideAccount, "{host} does not know this SIP address: {said}",
		"check the spelling of sip_address, and that the account is enabled for SIP")
	FaultForbidden = declare("sip.forbidden", SIPForbidden, SideAccount,
		"{host} refuses the sign-in: {said}",
		itsWords+"check the settings user and password_file, then restart homeward: some Registrars answer a wrong password this way|"+
			"enable the account for SIP|allow this device in the client version policy|"+
			"raise the limit of registrations per account (Asterisk: max_contacts, or remove_existing)")
	FaultTooManyBindings = declare("sip.too-many-registrations", SIPForbidden, SideAccount,
		"{host} refuses the sign-in: {said}",
		"the account has as many registrations as the Registrar allows: remove stale registrations there, or raise the limit (max_contacts of Kamailio)")
	FaultCredentials = declare("sip.credentials", SIPCredentials, SideAccount,
		`{host} refuses the user name or the password[ for the realm "{realm}"]: {said}[; this came after {took}, so the answer may also have been too late for its nonce]`,
		"check the settings user[ ({user})] and password_file, then restart homeward; the account may be locked or expired|[on {host}, have nonces live longer: at least a few times {took}]")
	FaultCredentialsNTLM = declare("sip.credentials-ntlm", SIPCredentials, SideAccount,
		`{host} refuses the user name or the password[ for the realm "{realm}"]: {said}`,
		`check the settings user[ ({user})][ ({plain}; Lync often wants DOMAIN\name)] and password_file, then restart homeward; the account may be locked or expired|`+
			"compare the NTLM security level of the server (NtlmMinServerSec) with NTLMv2 and 128-bit encryption, which this device uses")
	FaultPasswordRests = declare("sip.password-rests", CredentialsResting, SideAccount,
		"{cause} (as it told the daemon at {at}); to keep the account from being locked, the password is not used[ before {until}], and this check did not sign in either",
		"{cause.do}")
	FaultUnavailable = declare("sip.unavailable", SIPUnavailable, SideRegistrar,
		"{host} cannot serve requests now: {said}[; {accepted} accepted before that]", "check the services of the Registrar and its pool")
	FaultRejected = declare("sip.rejected", SIPRejected, "",
		"{host} refuses the request of this device as it stands: {said}",
		"[{-says}its answer says why: change the settings of the Registrar, or of a proxy in front of it, so that they accept the request]|"+
			"[{-mute}see in the log of {host}, or of a proxy in front of it, what it does not accept: its answer does not say]|"+
			"[{-mute}if that is a mistake in the request, run homeward bundle and report it with the archive]")
	FaultTakesNoRegister = declare("sip.takes-no-register", "", "",
		"{host} speaks SIP, but takes no registrations: {said}",
		"see whether {host} is the Registrar, or a gateway or another SIP server: then correct what names it|if it is the Registrar, allow REGISTER there")
	FaultSecondRefused = declare("sip.second-refused", "", "",
		"{host} refuses a second sign-in of this device beside that of the daemon[: {said}]",
		"see in the log of {host} why: if it limits sign-ins or registrations of one account, that of the daemon is enough, and the limit may stay|"+
			"see homeward status in a minute: if the daemon is no longer registered by then, run homeward check again")
	FaultNoQuery = declare("sip.no-query", SIPRejected, SideRegistrar,
		`{host} refuses a REGISTER without a Contact, which is how this device signs in with binding = "release": {said}`,
		`set binding = "keep", and give homeward an account of its own (docs/phones.md): this Registrar does not tell who is registered`)
	FaultNoQueryBeside = declare("sip.no-query-beside", SIPRejected, "",
		"beside a running daemon, a check or drill signs in by a REGISTER without a Contact; {host} refuses that ({said}), so whether it would accept the daemon is not known",
		"see homeward status: if the daemon is registered, nothing has to be done|"+
			"stop the daemon (homeward service stop), and run the command again: then it signs in as the daemon does")
	FaultGrantsNothing = declare("sip.grants-nothing", BindingLost, SideRegistrar,
		"{host} accepts the sign-in, but grants a registration of 0 seconds",
		"check how long registrations may last (Expires) in the settings of the Registrar, and of a proxy in front of it")
	FaultUnlisted = declare("sip.not-listed", SIPMalformed, SideRegistrar,
		"the answer of {at} lists no registration of this device, although RFC 3261 demands it|perhaps something in front of the Registrar answers in its place",
		"see on the Registrar whether it has a registration of this device; if not, look at the proxy or session border controller in front of it")
	FaultBindingGone = declare("sip.registration-gone", BindingLost, SideRegistrar,
		"{at} lists no registration of {user}, although the daemon has been registered there since {since}: calls reach nobody until it renews its registration, within {left} min",
		"run: homeward report failed, which makes the daemon register anew at once; then find out on {host} what removed the registration: an administrator, a lost database, another device|"+
			"if homeward check says this again, and calls arrive all the same: {host} does not list registrations when it is asked, and nothing has to be done|"+
			"if there are several servers behind {host}, let them share their registrations")
	FaultNoMinExpires = declare("sip.no-min-expires", SIPRejected, SideRegistrar,
		"{host} wants the registration to last longer, but does not say how long (no Min-Expires): {said}",
		"configure the Registrar to send Min-Expires in its answer, or to accept shorter registrations")
	FaultUnsigned = declare("sip.unsigned", SIPBadSignature, SideNetwork,
		"the answers of {host} are not correctly signed[: {problem}]", "look for a firewall or proxy in between that changes SIP messages (SIP ALG), and switch that off")

	FaultNoPassword = declare("sip.no-password", SIPAuthNotSupported, SideDevice,
		"{host} asks for a password, but none is configured", "set password_file")
	FaultPasswordFile = explains("password.file", SIPAuthNotSupported, SideDevice,
		"this device has no password to sign in with, and homeward cannot start: {problem}[ (password_file, {from})]"+
			"[; the daemon, which has been registered since {since}, lives on the password that it read at its start]",
		"[{advice}, then run homeward check again]|[{-mute}correct that, then run homeward check again]", "sign-in")
	FaultInClear = declare("sip.password-in-clear", SIPAuthNotSupported, SideRegistrar,
		"{host} asks for a password over plain TCP[ ({offered})], where an eavesdropper could guess it", "offer TLS on the Registrar|only if that is impossible: with credentials_over_tcp = true this device signs in over plain TCP where an SRV record or internal_server leads, and an eavesdropper can guess the password")
	FaultOnlyKerberos = declare("sip.only-kerberos", SIPAuthNotSupported, SideRegistrar,
		"{host} offers only {offered} for signing in, but this device supports none of these", "set the authentication protocol of the Registrar to both NTLM and Kerberos, or allow certificates (TLS-DSK): this device signs in with these two")
	FaultOfferChanged = declare("sip.offer-changed", SIPAuthNotSupported, SideRegistrar,
		"{host} has changed what it offers for signing in: before {before}, with which this device was registered there {when}, now {now}",
		"offer {before} on {host} again|{cause.do}")
	FaultOnlyBasic = declare("sip.only-basic", SIPAuthNotSupported, SideRegistrar,
		"{host} offers only Basic for signing in, which would show the password and is never answered", "offer Digest or NTLM on the Registrar")
	FaultSchemeNotAllowed = declare("sip.scheme-not-allowed", SIPAuthNotSupported, SideDevice,
		"{host} offers {offered} for signing in, but the setting auth allows none of these", "add a scheme that the Registrar offers to the setting auth, or enable another scheme on the Registrar")
	FaultNoChallenge = declare("sip.no-challenge", SIPAuthNotSupported, SideRegistrar,
		"{host} asks for a password, but does not say in which form", "enable NTLM or Digest on the Registrar")
	FaultBadChallenge = declare("sip.bad-challenge", SIPAuthNotSupported, SideRegistrar,
		"{host} asks for a password in a form that cannot be answered: {problem}", "correct the authentication settings of the Registrar")
	FaultChallengedAgain = declare("sip.challenged-again", SIPAuthNotSupported, SideRegistrar,
		"{host} asks for the password again after each answer", "check the log of the Registrar: it neither says that the password is wrong nor accepts it")
	FaultStale = declare("sip.stale-again", SIPAuthNotSupported, SideRegistrar,
		"{host} calls each answer of this device outdated (stale nonce), although it goes out at once[; each refusal comes after {took}]",
		"on {host}, have nonces live longer[: at least a few times {took}]|[find out what takes {took}: the way to {host}, or {host} itself]|check the log of {host}, and whether several servers behind it share their nonces")
	FaultNoScheme = declare("sip.no-scheme", SIPAuthNotSupported, SideRegistrar,
		"{host} offers no sign-in scheme that this device may use: {said}", "enable NTLM or Digest over TLS on the Registrar; the setting auth says which of them this device may use")

	FaultRedirectNotUsed = declare("redirect.not-used", "", SideRegistrar,
		"{from} redirects the device to {host}, which is not used: {cause}", "{cause.do}")
	FaultRedirected = declare("redirect.leads-here", "", "",
		"{from} redirects the device to {at}", "if {host} is not meant to serve this user, correct where {from} redirects to")
	FaultRedirectAgain = declare("redirect.failed-before", SameAsFailed, "",
		"{from} redirects the device to {at}, where it has just failed: {cause}", "{cause.do}")
	FaultRedirectNowhere = declare("redirect.nowhere", SIPRejected, SideRegistrar,
		"{host} redirects the device, but names no Registrar that it could use: {said}",
		"configure the Registrar to redirect to SIP addresses with a host name and transport=tls")
	FaultRedirectNoAddress = declare("redirect.no-address", NoAddress, SideDNS,
		"{from} redirects the device to its home pool {host}, which has no address", "create the A record of {host}, or move the user to another pool")
	FaultRedirectLoop = declare("redirect.loop", SIPRedirectLoop, SideRegistrar,
		"the redirects form a loop: {from} sends the device to {host}, where it has been", "on {from} and {host}, check which home pool {user} has")

	FaultInstead = declare("sign-in.instead", ConnectRefused, SideRegistrar,
		"the device signs in to {instead} instead[, which {other} names]", "")
	FaultRecordAhead = declare("sign-in.record-ahead", "", "", "{cause}", "until {host} serves devices, set {source} back to {instead}|{cause.do}")
	FaultNamedBefore = declare("sign-in.named-before", "", "",
		"{source} named {instead} when the device last registered ({when}); {other} still does, and the device signs in there", "")
	FaultSpareDead      = declare("sign-in.no-second", "", "", "the next Registrar in line cannot be used: {cause}", "{cause.do}")
	FaultAddressRefuses = declare("connect.one-address-refuses", ConnectRefused, "",
		"{at} ({address}) refuses the connection|"+notListening,
		"see that the Registrar service runs at {address} and listens there|if none is meant to run there, remove the address {address} of {host} from DNS|"+rejecting)
	FaultAddressSilent = declare("connect.one-address-silent", ConnectTimeout, "",
		"nobody answers at {address}, which is one of the addresses of {host}",
		"if a server of the pool has the address {address}, check that it is running and reachable|if the record is old, remove the address {address} of {host} from DNS")
	FaultOneFamily = declare("connect.one-ip-version", ConnectTimeout, "",
		"{host} answers over {works} ({address}, {ms} ms), but not over {fails} ({addresses})",
		"look for what drops {fails} on the way to {host}: a router, a tunnel, or a firewall (also that of {host}) that allows only {works}|"+
			"if {host} is not meant to be reached over {fails}, remove the address {addresses} of {host} from DNS")
	FaultOneFamilyTold = declare("connect.no-route-over-one-ip-version", ConnectUnreachable, SideNetwork,
		"{host} answers over {works} ({address}, {ms} ms), but not over {fails}: the [gateway {gateway}][IPv6 router {router}], or a router behind it, says that {addresses} cannot be reached",
		"see whether the router [{gateway}][{router}] has a route to {addresses}, and its uplink carries {fails}|"+
			"[if this network is not meant to have IPv6, stop the router {router} from announcing itself here (router advertisements)]|"+
			"if {host} is not meant to be reached over {fails}, remove the address {addresses} of {host} from DNS")
	FaultOtherAddress = declare("sign-in.other-address", ConnectRefused, SideRegistrar, "the device signs in through another address of {host}", "")
	FaultOtherProven  = declare("sign-in.other-address-proven", "", "", "at {addresses}, {host} presents a certificate that this device accepts", "")
	FaultOnBackup     = declare("sign-in.on-backup", SIPUnavailable, SideRegistrar,
		"that is only the backup Registrar: the user's primary Registrar is not available", "check the primary pool of the user")
	FaultRelaySilent = declare("relay.no-answer", RelayUnreachable, "",
		"the media relay {host} does not answer", "in the firewall, allow UDP 3478 and TCP 443 from this device to {host}|check that the A/V Edge is running")
)
