package provisioning

// The device: its link, its clock, its memory, its daemon.
var (
	FaultNoInterface = explains("link.no-interface", DHCPNoInterface, SideDevice,
		"this device is not on the network: there is no interface {interface}; it has {interfaces}",
		"correct the setting interface, or plug in the adapter", "dhcp", "dns", "registrar")
	FaultNoDefaultRoute = explains("link.no-default-route", ConnectUnreachable, "",
		"this device has no default route[, so it cannot reach {beyond}]; whether DHCP names a router is not known[: {why}]",
		"[check the cable and the VLAN of this device, and the DHCP server, since {silent}]|have this device renew its DHCP lease, and see whether the DHCP server names a router (option 3)|"+fixedSettings,
		"dns", "registrar")
	FaultNoRouterGiven = explains("link.no-router-given", ConnectUnreachable, SideDHCP,
		"this device has no default route[, so it cannot reach {beyond}], and DHCP ({lacking}, on {on}) names no router (option 3)",
		"add the router (option 3) to the scope of this network on the DHCP server {lacking}, and have this device renew its lease|"+fixedSettings, "dns", "registrar")
	FaultRouterNotTaken = explains("link.router-not-taken", ConnectUnreachable, SideDevice,
		"this device has no default route[, so it cannot reach {beyond}], although DHCP ({giving}, on {on}) names the router {routers} (option {option}): the DHCP client of this device has not installed that route, or it was removed"+
			"[; the DHCP server {lacking}, which answers, too, gives no default route]",
		"[see which DHCP server this device has its lease from, and if it is {lacking}, add the router (option 3) there, or stop it]|"+
			"have this device renew its lease, and see whether it has the default route then (Linux: ip route)|see whether its DHCP client is told to take no routes|"+
			"if the settings of this device are fixed, configure its default gateway, {routers}", "dns", "registrar")
	FaultRouterIgnored = explains("link.router-ignored", ConnectUnreachable, SideDHCP,
		"this device has no default route[, so it cannot reach {beyond}]; DHCP ({lacking}, on {on}) sends routes (option 121) without a default route, and a client that takes them ignores option 3[, which names {routers}] (RFC 3442)",
		"add a default route (0.0.0.0/0[ through {routers}]) to option 121 of the DHCP server {lacking}, and have this device renew its lease|"+
			"[if no other route is needed, remove option 121 there: then the router {routers} of option 3 counts]", "dns", "registrar")
	FaultSubnetOnly = declare("link.subnet-only", ConnectUnreachable, "",
		"there is no default route: this device can reach only its own subnet",
		"if something that the phone needs is elsewhere, check the gateway that the DHCP lease gives (option 3), or configure one")
	FaultNothingHasAddress = explains("link.nothing-has-address", ConnectUnreachable, "",
		"this device is not on the network: no interface has an address[; {unplugged} has no carrier (no cable, or nothing at its other end)]", mendLink, "dhcp", "dns", "registrar")
	FaultSwitchedOff = explains("link.switched-off", ConnectUnreachable, SideDevice,
		"this device is not on the network: {interface} is switched off", "switch {interface} on (Linux: ip link set {interface} up)", "dhcp", "dns", "registrar")
	FaultNoCarrier = explains("link.no-carrier", ConnectUnreachable, "",
		"this device is not on the network: {interface} has no carrier (no cable, or nothing at its other end)", "check the cable and the switch port", "dhcp", "dns", "registrar")
	FaultWayNoCarrier = explains("link.way-no-carrier", ConnectUnreachable, "",
		"the interface {interface}, by which this device reaches {to}, has no carrier (no cable, or nothing at its other end)", "check the cable and the switch port of {interface}", "registrar")
	FaultNoOwnAddress = explains("link.no-address", ConnectUnreachable, "",
		"this device is not on the network: {interface} has no address", "check the VLAN and the DHCP server", "dhcp", "dns", "registrar")
	FaultOnlySelfMadeAddress = explains("link.self-made-address", ConnectUnreachable, "",
		"this device is not on the network: {interface} has only a self-assigned address, {addresses}, because DHCP gave none", "check the VLAN and the DHCP server", "dhcp", "dns", "registrar")
	FaultLinkUnknown = declare("link.unknown", ConnectUnreachable, SideDevice,
		"the network interfaces of this device cannot be read: {problem}", "run the command as root; if it runs in a container or sandbox, allow it to read the network interfaces")

	FaultOwnAddressTwice = explains("link.own-address-twice", ConnectTimeout, "",
		"the address {address} of this device is used twice: [another device on this link, with the MAC {mac}, has it, too]"+
			"[{system} has found out that another device on this link has it, too, and does not use it here]",
		"find the other device[ (the MAC address table of the switch shows the port of {mac})], and give one of the two another address|"+
			"if this address comes by DHCP, look for a device with a fixed address inside the range of the DHCP server", "dns", "registrar")
	FaultAddressTwice = explains("link.address-twice", ConnectTimeout, "",
		"more than one device on this link has the address {address} of {of}: the MACs {mac} answer for it (ARP), and what is sent to it may arrive at the wrong one",
		"see which of {mac} is that of {of} (on its label or in its settings), find the other device (the MAC address table of the switch shows its port), and give it another address|"+
			"if one of them is a router or an access point that answers for others (proxy ARP), switch that off", "dns", "registrar")
	FaultOtherMask = explains("link.other-mask", ConnectTimeout, SideDevice,
		"this device has the subnet mask {own}, but DHCP ({server}) gives {mask}; therefore it looks for {silent} in its own subnet, where nobody answers, and not behind the gateway",
		"correct the subnet mask of this device to {mask}, or have it take its address and mask by DHCP|if {own} is right, correct option 1 of the DHCP server {server}", "dns", "registrar")
	FaultUnusedDefault = declare("link.unused-default-route", ConnectTimeout, "",
		"this device uses its default route through {hop} ({used}), by which nobody has answered, and not its other one, through {other} ({instead})[; that gateway answers (MAC {mac})]",
		"if the default route through {other} is the right one, remove the other, or give it a higher metric")
	FaultByRoute = declare("connect.by-route", ConnectTimeout, "",
		"what is sent there goes through {hop}, by {route}, and not by the default route", "see whether that route is right")
	FaultNothingBehind = explains("link.nothing-behind-gateway", ConnectTimeout, SideNetwork,
		"the [gateway {gateway}][IPv6 router {router}][ on {link}][ (MAC {mac})] answers, but nothing behind it does (asked: {silent}); what stops the packets (the [gateway {gateway}][router {router}] itself, the line behind it or a firewall) cannot be seen from here",
		"see whether other devices in this subnet reach anything behind it; if none does, check that [{gateway}][{router}] forwards packets, and the line behind it|"+
			"if others do, look for a firewall or an access list that stops this device"+
			"|[only Registrars were asked: if anything else behind it can be reached, look for a firewall that drops port {ports}, and what all Registrars share (a host, a load balancer)]", "dns", "registrar")
	FaultSilentBehind = explains("link.silent-behind-gateway", ConnectTimeout, "",
		"nothing behind the [gateway {gateway}][IPv6 router {router}][ on {link}] answers (asked: {silent}); whether the [gateway {gateway}][router {router}] itself does is not known",
		"see whether other devices in this subnet reach anything behind it; if none does, check that [{gateway}][{router}] is running and forwards packets, and the line behind it|"+
			"if others do, look for a firewall or an access list that stops this device"+
			"|[only Registrars were asked: if anything else behind it can be reached, look for a firewall that drops port {ports}, and what all Registrars share (a host, a load balancer)]", "dns", "registrar")

	FaultClockPassed = declare("clock.before-what-has-passed", ClockWrong, SideDevice,
		"the clock of this device is wrong: it shows {now}, but {passed} is already past", setClock)
	FaultClockBehind = declare("clock.behind", ClockWrong, SideDevice,
		"the clock of this device is {span} slow compared with {host}", setClock)
	FaultClockAhead = declare("clock.ahead", ClockWrong, SideDevice,
		"the clock of this device is {span} fast compared with {host}", setClock)
	FaultClockEither = declare("clock.either", ClockWrong, "",
		"the clocks of this device and of {host} are {span} apart, and it is not certain which of them is wrong[: at the time of {host} its own certificate, valid from {begins} to {ends}, is not valid]",
		"compare both with a clock that is right, and set the wrong one")
	FaultClockCertificate = declare("clock.before-certificate", ClockWrong, SideDevice,
		"the clock of this device is wrong: it shows {now}, but the certificate of {at}[ ({address})] is valid only from {begins}", setClock)
	FaultTimeServerOff = declare("clock.server-off", "", "",
		"the time server {server}, which {source} names, is {span} {direction}[: at its time the certificate of {of} is not valid]",
		"set the clock of the time server, or remove it from {source}: phones set their clocks by it")
	FaultTimeServersApart = declare("clock.servers-apart", "", "",
		"the time servers of this network are {span} apart, so one of them is wrong[; {dhcp}][; {dns}]",
		"compare them with a clock that is right, and correct the one that is wrong, or remove it where it is named: phones set their clocks by them")
	FaultClockRegistrar = declare("clock.registrar-says", ClockWrong, "",
		"{host} says that the clocks are too far apart: {said}",
		"compare the clock of this device, which shows {now}, with one that is right, and set it if it is wrong|if it is right, set that of {host}, or of the server in front of it or behind it that says so")

	FaultOnlyLastGood = declare("last-good.only", "", "",
		"the device signs in to {host}, the last Registrar that worked, because nothing else leads to one: {cause}", "{cause.do}")
	FaultNoLastGood = declare("last-good.none", "", SideDevice,
		"the device has not registered here yet, so it has nothing to fall back on", "let the daemon register once: homeward service start")
	FaultLastGoodSilent = declare("last-good.silent-too", ConnectTimeout, SideRegistrar,
		"the last good Registrar {host} does not answer either", "")
	FaultLastGoodAnswers = declare("last-good.answers", "", "",
		"the last Registrar that worked, {host}, still answers, but a device turns to it only when nothing else is named", "or have {source} lead to {host} again")
	FaultLastGoodUnusable = declare("last-good.unusable", "", "",
		"if DNS and DHCP failed now, the device could not sign in: it would fall back on {host}, and {cause}",
		"restart homeward so that it registers again, or fix {host}: {cause.do}")
	FaultNotKept = declare("last-good.not-kept", "", SideDevice,
		"the last good record, which the device needs when DNS and DHCP fail, is not stored correctly: {problem}", "{cause.do}")
	FaultStateForeign = declare("last-good.foreign", CacheReadOnly, SideDevice, "{dir} belongs to {owner}, but the daemon runs as {user}; {kept}", "run: chown -R {user} {dir}")
	FaultReadOnly     = declare("last-good.read-only", CacheReadOnly, SideDevice, "the file system of {dir} is read-only; {kept}",
		"look for errors of the flash in the log of the kernel (dmesg), and check the flash|mount it read-write|if root can write there, it is closed to the service alone: set ReadWritePaths={dir} in its unit")

	FaultDaemonStopped = declare("daemon.not-running", "", SideDevice, "the daemon is not running", "start it: homeward service start")
	FaultDaemonHangs   = declare("daemon.hangs", "", SideDevice, "the daemon does not answer: it hangs, or another program listens on its control socket",
		"restart it: homeward service restart")
	FaultDaemonRests = declare("daemon.rests", "", "",
		"the daemon is not registered[ (since {since})][, and tries again at {until}]: {cause}", "{cause.do}[; homeward tries again at {until}, or at once after a restart]")
	FaultSpared = declare("daemon.rests-and-check", "", "",
		"{cause}; the daemon pauses until {until}, and this check did not sign in either",
		"{cause.do}; homeward tries again at {until}, or at once after a restart")
)

const (
	mendGateway = "[correct the gateway of this device: DHCP gives {given}]|" +
		"[check the cable and the switch port of this device (VLAN, 802.1X, MAC filter), and that {gateway} is running]|" +
		"[if {gateway} is the wrong gateway of this device, or its subnet mask is wrong, correct that]|" +
		"[check that the router {router} is running and still announces itself in this VLAN (router advertisements)]|" +
		"[if the default route over {router} was configured on this device, correct it]"
	// mendRoute has a cure for whatever is known of where a route comes from, and one for the case that it is not known.
	mendRoute = "[correct option {option} of the DHCP server {giver}, which gives this route, and have this device renew its lease]|" +
		"[remove this route from this device, or have it renew its DHCP lease: DHCP ({lacking}) does not give this route when it is asked as a Lync phone asks]|" +
		"[remove this route; if it comes by DHCP (option {unsure}), correct it there]|" +
		"[remove this route; if a router announces it ({announced}), correct it there]|" +
		"if the route is right, check that {hop} is running and in the VLAN of this device"
	fixedSettings = "if the settings of this device are fixed, configure its default gateway"
	// mendDefault is what to do where nobody has asked DHCP for the router.
	mendDefault = "run homeward check: it asks whether DHCP names a router (option 3)|" + fixedSettings
	mendLink    = "check the cable, the VLAN and the DHCP lease of this device"
	setClock    = "set the clock of this device[ from {server}, which {source} names and which gives the right time]" +
		"[; to have it set automatically, create the SRV record {record} or set DHCP option 42]"
)
