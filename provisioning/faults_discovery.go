package provisioning

// Discovery: DNS, DHCP, and the names that they and the configuration give.
var (
	FaultNoNameServer = explains("dns.no-server-known", DNSTimeout, SideDevice,
		"this device knows no name server", "let DHCP name the name servers (option 6), or set dns_servers to a name server that works", "dns")
	FaultDNSLate = explains("dns.late", DNSTimeout, SideDNS,
		"the name server {servers} answers too late: a device does not wait that long",
		"on the name server, look for a forwarder that does not answer; or set dns_servers to another name server", "dns")
	FaultDNSClosed = explains("dns.port-closed", DNSTimeout, "",
		"no name server can be queried: {servers} refuses the query (nothing listens there, or a firewall rejects it)",
		"check that a name server runs at this address and port, and that no firewall rejects the query; or set dns_servers to a name server that works", "dns")
	FaultDNSOwnClosed = explains("dns.own-closed", DNSTimeout, SideDevice,
		"this device asks itself for names ({servers}), and no resolver runs there",
		"if resolv.conf names no name server, let DHCP name one (option 6), or set dns_servers; if it names this device, start the resolver of this device (such as systemd-resolved or dnsmasq)", "dns")
	FaultDNSServerDead = declare("dns.one-dead", DNSTimeout, SideDNS,
		"the name server {server} does not answer[ over {fails}], while {alive} does[ over {works}]: each look-up may have to wait for the dead one",
		"[if both are one machine, look for what drops {fails} on the way to it: a router, a tunnel or a firewall]|fix the name server {server}, or remove it from the list of name servers (DHCP option 6, or dns_servers)")
	FaultDNSLossy = declare("dns.lossy", Lossy, SideNetwork,
		"{lost} of {asked} queries to the name server {server} were not answered ({share} %)",
		"look for a bad cable, weak Wi-Fi or a saturated link between this device and {server}, and for a query limit on the server")
	FaultDNSGap = declare("dns.gap", DNSTimeout, "",
		"the name server {server} did not answer for {span} at {at}; it answered {otherwise}",
		"[run {now}: it shows whether the name server answers again]|if it was restarted then, nothing has to be done; if this comes again, look in its log for that time, for a query limit on it, and for what interrupts the way to it")
	FaultDNSSlow = declare("dns.slow", Slow, "",
		"the name server {server} takes {ms} ms to answer", "check the connection between this device and {server}, and the forwarders of the server; or set dns_servers to a nearer one")
	FaultDNSUnreachable = explains("dns.unreachable", DNSTimeout, "",
		"no name server can be queried: there is no route to {servers}[ ({problem})]",
		"check the gateway and the VLAN of this device, and the address of the name server; or set dns_servers to a name server that works", "dns")
	FaultDNSNoDefault = explains("dns.no-default-route", DNSTimeout, "",
		"no name server can be queried: this device has no default route, so it cannot reach {servers}", mendDefault, "dns")
	FaultDNSNobodyThere = explains("dns.nobody-there", DNSTimeout, SideDNS,
		"no host answers at the address of the name server {servers}, which is in the subnet of this device: the server is off or not connected, or the address is wrong",
		"start the name server, or correct its address (DHCP option 6, or dns_servers); check the VLAN of this device", "dns")
	FaultDNSNoGateway = explains("dns.no-gateway", DNSTimeout, "",
		"no name server can be queried: the [gateway {gateway}][IPv6 router {router}], through which this device reaches {servers}, does not answer[; {dhcp} either]", mendGateway, "dns", "registrar")
	FaultDNSDeadRoute = explains("dns.dead-route", DNSTimeout, "",
		"no name server can be queried: {route} leads through {hop}, which does not answer[, although the default gateway {other} does]; {servers} cannot be reached", mendRoute, "dns", "registrar")
	FaultDNSHungUp = explains("dns.hung-up", DNSTimeout, SideDNS,
		"no name server can be queried: {servers} closes the connection without an answer", "check the log of the name server, or set dns_servers to a name server that works", "dns")
	FaultDNSSilent = explains("dns.silent", DNSTimeout, "",
		"no name server answers ({servers})",
		"[correct the name servers of this device: DHCP gives {better}]|[check the VLAN and the gateway of this device, since {dhcp} either]|check that the name server runs, and that nothing drops port 53 on the way|set dns_servers to a name server that works", "dns")
	FaultDNSSilentWayOpen = explains("dns.silent-way-open", DNSTimeout, "",
		"no name server answers ({servers})[, although {alive}][; the gateway {hop} on the way there does]",
		"[correct the name servers of this device: DHCP gives {better}]|check that the name server runs and does not hang|[look for a firewall, on the way, on the server itself or on this device, that drops {dropped}]|"+
			"[look for a firewall, on the way, on the server itself or on this device, that drops {blocked}]|[check that the gateway {hop} forwards packets]|set dns_servers to a name server that works", "dns")
	FaultDNSGiven    = declare("dns.given-answers", DNSTimeout, "", "the name server {better}, which DHCP gives and this device does not ask, answers", "")
	FaultDNSUpstream = explains("dns.upstream-silent", DNSTimeout, "",
		"the resolver on this device ({servers}) resolves nothing[, and the name servers that it is meant to ask do not answer ({upstream})][; whom it asks is not known; the name servers that DHCP gives do not answer ({given})][, although {alive}][; the gateway {hop} on the way there does]",
		"[check the VLAN and the gateway of this device, since {dhcp} either]|check that [{upstream}][{given}] runs, and that nothing drops port 53 on the way|[see whom the resolver on this device asks, if it is not {given}]|have DHCP name other name servers (option 6), or set dns_servers to one that works", "dns")
	FaultDNSSilentFor = declare("dns.silent-for-one-name", DNSTimeout, SideDNS,
		"the name server {servers} does not answer when it is asked for {name}",
		"if the name server answers other questions, look at the zone of {name} there, and at its forwarders|see whether it runs, and whether its address is right")
	FaultDNSServFail = declare("dns.servfail", DNSServFail, SideDNS,
		"the name server {servers} cannot look up {name} (SERVFAIL)"+itSays, mendZone)
	FaultDNSServFailAll = declare("dns.servfail-for-all", DNSServFail, SideDNS,
		"the name server {servers} cannot look up anything in {name} (SERVFAIL)[, although it answers for {abroad}]"+itSays+"[; {others}]", "[correct the domain in sip_address if it should be {meant}]|"+mendZone)
	FaultDNSSEC = declare("dns.dnssec", DNSServFail, SideDNS,
		`the name server {servers} cannot look up {name} (SERVFAIL)[; it says that DNSSEC validation fails: "{says}"][; it answers when asked {how}, so the validation by DNSSEC is what fails]`,
		"have the zone of {zone} signed anew|if its signatures are valid, correct the DS record in its parent zone, or the trust anchor on {servers}|check the clock of {servers}")
	FaultDNSNoAuthority = declare("dns.no-authority", DNSServFail, SideDNS,
		`the name server {servers} cannot look up {name} (SERVFAIL); it says that no server of the zone answers it: "{says}"`,
		"see whether the servers of the zone of {zone} run, have that zone, and can be reached from {servers}|"+delegation)
	FaultDNSBlocked = declare("dns.blocked", "", SideDNS,
		`the name server {servers} says that it blocks {name}: "{says}"`,
		"exempt {name} from the filter of {servers}|look there for a setting that removes private addresses from answers (DNS rebind protection), and exempt {zone} (dnsmasq: rebind-domain-ok, Unbound: private-domain)|"+
			"set dns_servers to a name server that does not block it")
	FaultNoSuchDomain = declare("dns.no-such-domain", DNSNoRecord, "",
		"sip_address says {domain}, but DNS has no such domain (NXDOMAIN)[; DHCP option 120 names {elsewhere}][; {others}]",
		"[correct the domain in sip_address if it should be {meant}]|[if the domain {unsure} is wrong, correct sip_address]|"+
			"if {domain} is right, check the VLAN of this device[ (its address is {own})] and its name servers ({servers}), which do not have it[; many resolvers and DNS proxies do not pass on names under {local} (RFC 6762)]|"+
			"[if the domain {doubted} is wrong, correct sip_address]|"+
			"[if {domain} is right, name a host inside it in DHCP option 120, such as sip.{domain}, with an A record and in the certificate of the Registrar, in place of {elsewhere}]")
	FaultDNSRefused = declare("dns.refused", DNSRefused, SideDNS,
		"the name server {servers} refuses to answer this device (REFUSED)"+itSays,
		"allow this network to query the name server[{-new}, correct sip_address if its domain is wrong], or set dns_servers to a name server that works")
	FaultDNSStubRefused = explains("dns.stub-refuses", DNSRefused, SideDevice,
		"the resolver on this device itself, {servers}, refuses the query (REFUSED): it has no name server to ask, or may not pass this name on"+itSays,
		"see which name servers it has (with systemd-resolved: resolvectl status); let DHCP name them (option 6), or set dns_servers to a name server that works", "dns")
	FaultDNSNotUnderstood = declare("dns.not-understood", DNSServFail, SideDNS,
		"the name server {servers} does not accept the query for {name}: {code}",
		"check the log of the name server, or set dns_servers to another one")
	FaultDNSNoSRV = explains("dns.no-srv", "", SideDNS,
		"the name server {servers} answers queries for addresses, but not for SRV records: {how}",
		"set dns_servers to the site's own name server; if {servers} is the DNS proxy of a router, configure it to forward SRV queries", "dns")
	FaultDNSReferral = declare("dns.referral", DNSServFail, SideDNS,
		"the name server {servers} does not look up {name} for this device: it refers to other servers",
		"allow this network to use the name server for recursive queries, or set dns_servers to a name server that works")
	FaultDNSTruncated = declare("dns.truncated", DNSMalformed, SideNetwork,
		"the name server {servers} sends a truncated answer for {name}, and over TCP it {tcp}",
		"do one of these: have the name server answer on TCP port 53, and open that port; reduce the number of records; set dns_servers to another name server")
	FaultDNSStrangers = declare("dns.other-answers", DNSMalformed, SideNetwork,
		"the answers from {servers} do not match the query for {name}",
		"look for a device in between that changes DNS messages, or for somebody who forges answers")
	FaultDNSDropped = declare("dns.only-other-answers", DNSTimeout, SideNetwork,
		"the name server {servers} does not answer when it is asked for {name}; {dropped} answers that did not match were ignored",
		"look for a device in between that changes DNS messages, or for somebody who forges answers")
	FaultDNSElsewhere = explains("dns.answers-from-elsewhere", DNSTimeout, SideDNS,
		"the name server {servers} was asked, and the answer came from {from}: it is not accepted, since anybody could send such an answer",
		"let the name server answer from the address that was asked; look for a NAT on the way that changes it; or enter {from} as the name server (DHCP option 6, or dns_servers)", "dns")
	FaultDNSAliasLoop = declare("dns.alias-loop", DNSMalformed, SideDNS,
		"{name} is an alias that leads nowhere: there are too many aliases in a row", "correct the aliases (CNAME) of {name}")
	FaultDNSBadName = declare("dns.bad-name", DNSMalformed, SideDevice,
		"{name} is not a valid DNS name[: {problem}]", "correct the name in the configuration, or the record that leads to it")
	FaultDNSBadAddress = declare("dns.bad-address", AddressNotAllowed, SideDNS,
		"the name server {servers} gives {name} the address {addresses}, which no server of a site can have[; a DNS filter that blocks {blocked} may answer so]",
		"[if there is a DNS filter (such as Pi-hole or Umbrella), exempt {blocked} from it]|correct the address record of {name}")
	FaultDNSOtherVersion = declare("dns.other-ip-version", ConnectUnreachable, SideDNS,
		"{name} resolves only to {version} ({addresses}), and this device has no {version} address",
		"create the {record} record of {name}[: this device has registered there at {was}]|enable {version} in the network of this device")
	FaultDanglingAlias = declare("dns.dangling-alias", NoAddress, SideDNS,
		"[{source} names {name}: ]{name} is an alias of {alias}, which {lack}",
		"correct the alias (CNAME) {name}, or create the A record of {alias}|[if {kept} has an A record, "+rebind+"]")
	FaultDanglingRecord = declare("dns.dangling-record", DNSNoRecord, SideDNS,
		"there is no SRV record {query}: that name is an alias of {alias}, which {lack}",
		"create the SRV record {query}, in place of the alias (CNAME)")
	FaultDNSFirstFails = explains("dns.first-fails", "", SideDNS,
		"the name server {first} {did}, and {servers}, which is listed after it, says that there is no {query}",
		"repair {first}, or remove it from this device's list of name servers; the answer of {servers} may come from the external DNS zone, so do not rely on it", "dns")
	FaultDNSDisagree = declare("dns.disagree", DNSConflict, SideDNS,
		"the name servers disagree about {query}: {problem}",
		"[look at the zone on {failing}, which may be missing, have expired or hold a bad record, or remove {failing} from this device's list of name servers]|"+
			"use only name servers that know the internal zone of the site: remove the others from resolv.conf, DHCP option 6 or dns_servers")
	FaultDNSDisagreeRecord = explains("dns.disagree-record", DNSConflict, SideDNS,
		"the name servers disagree about {query}: {problem}[; of these, only {works} works]",
		"[correct the SRV record on {servers}, which may have missed an update of the zone, or remove {servers} from this device's list of name servers]|"+
			"[find out which of the name servers is right, and correct {unsure} on the other one, or remove that one from this device's list of name servers]", "registrar")
	FaultDNSDisagreeAddress = declare("dns.disagree-address", DNSConflict, SideDNS,
		"the name servers disagree about the address of {host}: {problem}; only {addresses} works",
		"[look for a setting of {filters} that removes private addresses from answers (DNS rebind protection)]|"+
			"correct the address record of {host} on {servers}, which may have missed an update of the zone, or remove {servers} from this device's list of name servers")
	FaultDNSUnusable = declare("dns.unusable-answer", DNSMalformed, SideDNS,
		"the name server {servers} sends an answer for {name} that cannot be used: {problem}",
		"look for a DNS proxy or firewall in between that changes DNS messages, then into the log of the name server; or set dns_servers to a name server that works")
	FaultDNSAnswersAll = explains("dns.answers-everything", DNSMalformed, "",
		"DNS gives the address {addresses} for every name, even for names that do not exist",
		"if this is a guest network with a captive portal, connect this device to the network for phones, or sign in to the portal|"+
			"have the name server answer only for names that exist, or set dns_servers to one that does", "dns", "registrar")
	FaultWildcardNothing = declare("dns.wildcard", "", "",
		"a wildcard record *.{domain} gives the address {addresses} to every name that does not exist; that names no Registrar: a device asks for SRV records", "")
	FaultWildcardHost = declare("dns.wildcard-host", "", "",
		"{source} names {host}, which probably does not exist: DNS gives it only the address of the wildcard record *.{domain}, {addresses}, where no Registrar answers",
		"correct {host} in {source}|if the name is right, create an A record of {host} with the address of the Registrar|if the Registrar is at {addresses}: {cause.do}")
	FaultRecordUnusable = declare("dns.unusable-record", DNSMalformed, SideDNS,
		"the SRV record {name} cannot be used: {problem}", "correct the target and the port of the SRV record")
	FaultOneRecordUnusable = declare("dns.one-unusable-record", DNSMalformed, SideDNS,
		"one of the SRV records {query} cannot be used: {problem}", "correct the target and the port of this record, or delete it")
	FaultNotOffered = declare("dns.service-not-offered", ServiceNotOffered, SideDNS,
		`the SRV record {name} says that the service is not offered here (target ".")`, "correct the SRV record if the service should be offered here")

	FaultSourceGone = declare("discovery.source-gone", "", "",
		"{source}, through which this device registered at {last} ({when}), is gone; {cause}", "restore {source}|{cause.do}")
	FaultNothingNamed = declare("discovery.nothing", DNSNoRecord, "",
		"nothing names a Registrar for {domain}: there is no SRV record, and {dhcp}[; {others}]",
		"[correct the domain in sip_address if it should be {meant}]|"+
			"[if phones of other makes sign in at this site, see whether DHCP gives option 120 to their vendor class only: this device asks as {class}]|"+wrongNetwork+"|create the SRV record _sipinternaltls._tcp.{domain} with port 5061 and the name of the pool, or set {option}|"+wrongDomain)
	FaultNothingNamedHosts = declare("discovery.nothing-communicator", DNSNoRecord, "",
		"nothing names a Registrar for {domain}: there is neither an SRV record nor sipinternal, sip or sipexternal",
		wrongNetwork+"|create the SRV record _sipinternaltls._tcp.{domain} with port 5061 and the name of the pool|"+wrongDomain)
	FaultOnlyAutodiscover = declare("discovery.only-autodiscover", DNSNoRecord, SideDNS,
		"nothing that this device asks names a Registrar for {domain}: there is no SRV record, and {dhcp}; Autodiscover ({autodiscover}) leads other Lync clients to the pool {pool}",
		"create the SRV record _sipinternaltls._tcp.{domain} with port 5061 and the host {pool}, or put {pool} into DHCP option 120")
	FaultDHCPUnasked = declare("discovery.dhcp-unasked", "", SideDevice,
		"nothing names a Registrar for {domain}: there is no SRV record, and {cause}", "{cause.do}")
	FaultDHCPUnaskedNoRoute = declare("discovery.dhcp-no-route", "", SideDevice,
		"nothing names a Registrar for {domain}: there is no SRV record, and {cause}",
		"restore the default route, or set the setting interface to the port that is connected to the phone network, such as eth0")
	FaultCloud = declare("discovery.cloud", NameNotAllowed, "",
		"{source} leads to {host}: the SIP domain {domain} is served by Microsoft 365 (Teams), which has no Registrar for this device",
		"if {domain} has a Registrar of its own besides, name it in the SRV record _sipinternaltls._tcp.{domain} or in internal_server|"+
			"if all of it has moved to Teams, this device needs the firmware that its maker has for Teams, or for the Teams SIP Gateway")
	FaultClosedStep = declare("discovery.closed", "", SideDevice, "{cause}", "{cause.do}")

	FaultDHCPBytes = declare("dhcp.malformed", DHCPMalformed, SideDHCP,
		"the DHCP server sends malformed bytes: {problem}", "correct the option on the DHCP server; homeward dhcp encode prints the right bytes")
	FaultDHCPUnusable = declare("dhcp.unusable-answer", DHCPMalformed, SideDHCP,
		"the DHCP server {server} answers, and the answer cannot be used: {problem}",
		"check the DHCP server and any relay in between: the answer does not follow RFC 2131 (or, for DHCPv6, RFC 8415)")
	FaultDHCPCut = declare("dhcp.cut-answer", DHCPMalformed, SideDHCP,
		"the answer of the DHCP server {server} is cut, or one of its options is wrong: {problem}",
		"correct that option on the DHCP server; if it is right there, look for a device in between that cuts DHCP answers")
	FaultDHCPUnread = declare("dhcp.unread", DHCPMalformed, SideNetwork,
		"messages came from the DHCP server {servers}, but none of them could be read: they were {problem}",
		"look for a firewall, a switch or a relay in between that changes DHCP answers, and at the DHCP server itself")
	FaultDHCPOthers = declare("dhcp.answers-others", DHCPSilent, SideDHCP,
		"the DHCP server {servers} does not answer the DHCPINFORM of this device: everything that came from there belongs to other requests",
		"check that the DHCP server answers DHCPINFORM and repeats the transaction ID (xid) of the request; if it cannot, let the system's DHCP client ask for option 120 (see docs/dhcp-leases.md)")
	FaultDHCPSilentSix = declare("dhcp.silent-ipv6", DHCPSilent, SideDHCP,
		"no DHCPv6 server answered the Information-request[ (DHCP over IPv4 was not asked: {problem})]",
		"nothing to do if DNS names the Registrar; otherwise check that a DHCPv6 server or relay serves this network and answers Information-requests")
	FaultDHCPNoOptionSix = declare("dhcp.no-option-ipv6", DHCPNoOption, SideDHCP,
		"the DHCPv6 answer names no Registrar (option 21 missing)[ (DHCP over IPv4 was not asked: {problem})]",
		"nothing to do if DNS names the Registrar; otherwise set option 21 (RFC 3319) on the DHCPv6 server of this network")
	FaultDHCPClass = declare("dhcp.vendor-class", DHCPVendorClass, SideDHCP,
		"the DHCP server spells the vendor class of Lync phones wrong: {problem}",
		"spell it exactly MS-UC-Client on the DHCP server: bytes 4D532D55432D436C69656E74, without a trailing zero byte (00)")
	FaultDHCPDisagree = declare("dhcp.disagree", DHCPConflict, SideDHCP,
		"the DHCP servers disagree: {problem}"+obeyed+"[, so {foreign} probably does not belong to this network]", "find the second DHCP server of this network and correct or stop it")
	FaultDHCPStranger = declare("dhcp.disagree-network", DHCPConflict, SideDHCP,
		"DHCP servers that disagree answer here ({servers})"+obeyed+"; {cause}",
		"find the DHCP server that does not belong to this network, stop it, and have this device renew its lease|{cause.do}")
	FaultDHCPForeign = explains("dhcp.foreign", DHCPConflict, SideDHCP,
		"the DHCP server {foreign} probably does not belong to this network[: the lease of this device comes from {lease}][: the name servers of this device are those of {like}]; {cause}; "+
			"without {foreign}, nothing names a Registrar: there is no SRV record, and {own} does not send option 120",
		"find {foreign} and stop it; then create the SRV record _sipinternaltls._tcp.{domain} with port 5061 and the name of the pool, or set option 120 on {own}", "name")
	FaultDHCPDisagreeDead = explains("dhcp.disagree-dead", DHCPConflict, SideDHCP,
		"DHCP servers that disagree answer here ({servers})"+obeyedKnown+"; the device uses the answer that comes first, and {cause}",
		"find the DHCP server that does not belong to this network, and correct or stop it[: {wrong} names {host}]; if all of them belong here, correct option 120 on the one that is wrong", "registrar")
	FaultDHCPOtherAnswers = declare("dhcp.other-answers", DHCPConflict, SideDHCP, "{host}, which another of them names, answers", "")
	FaultDHCPOtherDead    = declare("dhcp.other-dead", DHCPConflict, SideDHCP, "no Registrar can be reached at {host}, which one of them names", "")
	FaultWebService       = declare("dhcp.web-service", "", SideDNS,
		"the host of the web service that option 43 names, {host}, cannot be reached by its name: {cause}",
		"create the A record of {host}, or correct sub-option 3: phones that sign in by PIN need it")
	FaultWebServiceDown = declare("dhcp.web-service-unreachable", "", "",
		"the certificate service that option 43 names cannot be asked what it offers: {cause}",
		"see whether the web services of the pool run and show a certificate for {host}, or correct option 43: phones that sign in by PIN need it")
	FaultWebServiceAnswer = declare("dhcp.web-service-answer", WebServiceFailed, SideRegistrar,
		"the certificate service that option 43 names does not say what it offers: {problem}",
		"check the web services of the pool on {host}, or correct option 43 (sub-options 2 to 5): phones that sign in by PIN need it")
	FaultDHCPSlow = declare("dhcp.slow", Slow, SideDHCP,
		"the DHCP server {server} takes {ms} ms to answer; a phone that depends on DHCP may give up earlier", "check the load of the DHCP server, and the relay agent of this network")
	FaultDHCPAddress = declare("dhcp.address", TLSNoName, SideDHCP,
		"DHCP option 120 contains an IP address; homeward needs a host name, to compare it with the certificate",
		"put the name of the Registrar into option 120 (encoding 0); homeward dhcp encode prints the bytes")

	FaultOutsideDomain = declare("name.outside-domain", NameNotAllowed, "",
		"{source} names {host}, which is outside the SIP domain {domain}: devices do not use it",
		"[if the domain {typed} is wrong, correct sip_address]|"+
			"[point to {useful} instead][name a host inside the SIP domain, such as {example}, with an A record and in the certificate of the Registrar]|[if the domain {doubted} is wrong, correct sip_address]")
	FaultSingleLabel = declare("name.single-label", NameNotAllowed, "",
		"{source} names {host}, which is a name without a domain (single label): a device neither completes nor uses it, since it could be a host of any domain[; {cause}]",
		"[on the DHCP server {giver}, write the whole name into option 120 of the scope for this network, such as {whole}]|[write the whole name into {place}, such as {whole}]|[point to {useful} instead]|[{cause.do}]")
	FaultOtherDomain = declare("name.other-domain", NameNotAllowed, "",
		"sip_address says {domain}, but {source} names {host}, which devices of that domain do not use[; {others}]"+
			"[; DNS knows the domain {known}, but no Registrar in it][; {cause}]",
		"[correct the domain in sip_address if it should be {meant}]|[{cause.do}]|[compare {unsure} with that of a phone that signs in here, and correct it if that has another domain]|"+
			"if {domain} is right, name a host inside it in {source}, such as {example}, with an A record and in the certificate of the Registrar")
	FaultStrictNaming = declare("name.strict", NameNotAllowed, "",
		"{source} names {host}, but strict_naming allows only {domain} and sip.{domain}",
		`rename the Registrar to sip.{domain} in DNS and in its certificate, or set strict_naming = "suffix"`)
	FaultNamedAddress = declare("name.address", TLSNoName, "",
		"{source} contains the IP address {host}; homeward needs a host name, to compare it with the certificate",
		"put the name of the Registrar into option 120 (encoding 0); homeward dhcp encode prints the bytes")
	FaultShortName = declare("name.short", "", SideDevice,
		"the server {host} of {source} is a short (NetBIOS) name, which DNS does not know",
		"give the full name (FQDN) of the server, as in its certificate")
	FaultNoAddress = declare("name.no-address", NoAddress, "",
		"{source} names {host}, which {lack}",
		"[in the zone, put a final dot behind {meant}: without it, the zone adds its own name]|[if the name is misspelt, correct it in {misspelt}]|create the A record of {host}|if that record exists, "+rebind)
	FaultNoData = declare("name.no-data", NoAddress, SideDNS,
		"{source} names {host}, which has no address",
		"see whether the zone has an A record of {host}, and create it if it has none|if it has one, "+rebind)
	FaultHidden = declare("name.address-hidden", NoAddress, SideDNS,
		"{source} names {host}; the name {hidden} exists in DNS, but the name servers give no address for it",
		exempt+"|if the zone has no A record of {hidden}, create it")
	FaultHiddenRefused = declare("name.address-refused", DNSRefused, SideDNS,
		"{source} names {host}; the name server {servers} answers other queries for {domain}, but refuses to give this address (REFUSED)",
		exempt+"|see in the log of {servers} why it refuses")
	FaultNoAddressBlocks = declare("name.no-address-blocks-host-names", NoAddress, SideDNS,
		"{source} names {host}, which has no address; because this SRV record exists, the device does not try host names such as sip.{domain}",
		"create the A record of {host}, or delete the SRV record")
	FaultAddressChanged = declare("name.address-changed", "", SideDNS,
		"DNS[ (name server {servers})] now gives {now} as the address of {host}[ (that of the wildcard record {wildcard})], {where}; "+earlier+", it was {was}, which still answers",
		"set the {record} record of {host} to {was} again|if the Registrar has moved to {now}: {cause.do}")
	FaultLed = declare("name.led-elsewhere", "", "",
		earlier+", the address of {host} was {was}; DNS now gives {now}[, and {was} {does}]", "[if {host} has not moved, set its {record} record to {serving} again][{-ask}run homeward check: it shows whether {was} still answers]")
	FaultNotUsed = declare("name.not-used", "", "", "{source} leads to {host}, which is not used: {cause}", "{cause.do}")
)

// earlier is when a name led elsewhere than it leads now.
const earlier = "[when this device last registered ({when})][before this device registered elsewhere ({elsewhere})]"

// mendZone is what to do about a name server that cannot look up.
const mendZone = "see whether the zone of {zone} is loaded on the name server, or has expired, as a secondary's does whose primary does not answer|" +
	"if the name server does not hold the zone of {zone} itself, check the forwarders to which it passes such queries|" + delegation

const (
	delegation = "correct the delegation of {zone} (the NS records in its parent zone): it may lead to servers that do not have the zone"
	itSays     = `[; it says "{says}"]` // RFC 8914
)

// What to do where a network names no Registrar, or one of another domain.
const (
	wrongNetwork = "if other phones sign in at this site, check the VLAN of this device[ (its address is {own})] and its name servers[ (many resolvers and DNS proxies do not pass on names under {local}, see RFC 6762)]"
	wrongDomain  = "if the domain {domain} is wrong, correct sip_address"
)

// rebind is what hides a record that exists.
const rebind = "look for a router or DNS proxy that removes private addresses from answers (DNS rebind protection)"

// obeyed is which of several DHCP servers a device obeys.
const (
	obeyed      = obeyedKnown + "[; which of them this device has its lease from {unknown}]"
	obeyedKnown = "[; the lease of this device comes from {lease}][; the name servers of this device are those of {like}]"
)

// exempt is what to do about it where that has been seen.
const exempt = "\x0c"

// Autodiscover, which other Lync clients ask before anything else.
var (
	FaultAutodiscover = declare("autodiscover.unreachable", "", "",
		"DNS has a record for Autodiscover, but it cannot be asked there: {cause}",
		"correct the Autodiscover web service of {host} and its certificate, or delete the DNS record: this device does not use Autodiscover, but other Lync clients do")
	FaultAutodiscoverAnswer = declare("autodiscover.no-document", AutodiscoverFailed, SideRegistrar,
		"{host} gives no Autodiscover document: {problem}",
		"correct the Autodiscover web service of {host}, or delete the DNS record: this device does not use Autodiscover, but other Lync clients do")
	FaultAutodiscoverElsewhere = declare("autodiscover.other-pool", AutodiscoverConflict, SideDNS,
		"Autodiscover ({host}) leads to the pool {there}, while DNS and DHCP lead this device to {here}",
		"find out which of them is the pool of this user, and correct the SRV record and option 120, or the DNS record {host}: other Lync clients follow Autodiscover")
)

// OfName says whether a fault is about the name of a host: it says more than that the host has no address.
func (f *Fault) OfName() bool {
	return f == FaultDanglingAlias || f == FaultDNSFirstFails || f == FaultDNSBlocked
}
