package provisioning

import (
	"fmt"
	"maps"
	"slices"
)

// ourBug is what to do where a Registrar finds a mistake in what this program sends.
const ourBug = "this is a bug in homeward: run homeward bundle and report it with the archive"

// faultsOfDiagnostics are the faults that Lync servers name themselves, by the error id of ms-diagnostics (MS-OCER;
// TechNet, "ms-diagnostics").
var faultsOfDiagnostics = map[int]*Fault{
	1000:  diagnostics(1000, SIPCredentials, SideAccount, "the final security handshake failed", `check the settings user (Lync often wants DOMAIN\name) and password_file, the certificate and the clock, then restart homeward`),
	1003:  diagnostics(1003, SIPNotFound, SideAccount, "the user does not exist", "check the spelling of sip_address, and that the account is enabled for Lync"),
	1005:  diagnostics(1005, "", "", "the server does not serve this SIP domain", "check sip_address and the supported SIP domains of the site"),
	1006:  diagnostics(1006, "", SideRegistrar, "the server could not route on this connection", "nothing to do here: the device tries again"),
	1007:  diagnostics(1007, "", SideRegistrar, "it cannot reach the next server at the moment", "wait; if it persists, check the servers to which {host} forwards requests"),
	1008:  diagnostics(1008, "", SideDNS, "the server cannot resolve a DNS SRV record", "correct the DNS records or name servers that {host} itself uses"),
	1009:  diagnostics(1009, "", SideDNS, "the SRV and host records of the domain contradict each other", "correct the target of the SRV record"),
	1010:  diagnostics(1010, "", SideRegistrar, "it does not trust the certificate of the next server", "check the certificates that the Edge and the pool present to each other"),
	1011:  diagnostics(1011, "", SideRegistrar, "an earlier server sent an error without an explanation", "check the log of the server named in the message"),
	1013:  FaultClockRegistrar,
	1014:  diagnostics(1014, "", SideDNS, "the server cannot resolve a DNS host record", "correct the DNS records or name servers that {host} itself uses"),
	2057:  diagnostics(2057, "", SideDevice, "the request of this program lacked gruu-10", ourBug),
	4003:  diagnostics(4003, "", SideAccount, "the account is not enabled for remote access", "allow external user access for it, or sign in from inside"),
	4004:  diagnostics(4004, "", SideAccount, "login name and SIP address belong to different accounts", "correct the setting user or sip_address: both must belong to the same account"),
	4005:  diagnostics(4005, SIPNotFound, SideAccount, "the SIP address is not enabled or does not exist", "check sip_address, and that the account is enabled for Lync"),
	4006:  diagnostics(4006, SIPNotFound, SideAccount, "the user is not in this pool", "nothing to do here: the device starts discovery again; if it persists, find out where the account has been moved"),
	4010:  diagnostics(4010, "", SideDevice, "the request of this program lacked the endpoint id", ourBug),
	4011:  diagnostics(4011, "", SideDevice, "the request of this program lacked the endpoint id", ourBug),
	4012:  diagnostics(4012, "", SideDevice, "the endpoint id in the request of this program was too long", ourBug),
	4055:  diagnostics(4055, "", SideDevice, `the event in the request of this program was not "registration"`, ourBug),
	4141:  diagnostics(4141, "", SideAccount, "the account is disabled", "have the account enabled"),
	5000:  diagnostics(5000, "", SideRegistrar, "critical services of the pool are down", "check the services of the Registrar"),
	5001:  diagnostics(5001, "", SideRegistrar, "the pool did not answer in time", "check the services of the Registrar"),
	13009: diagnostics(13009, "", SideRegistrar, "no endpoint is known to the backup Registrar", "wait: the pool is failing over"),
	17000: diagnostics(17000, "", SideRegistrar, "the client version policy refuses this device", "in the client version policy of the pool, allow this device's User-Agent; or change the setting user_agent"),
	17001: diagnostics(17001, "", SideRegistrar, "the client version policy refuses this device", "in the client version policy of the pool, allow this device's User-Agent; or change the setting user_agent"),
	17002: diagnostics(17002, "", SideRegistrar, "the client version policy refuses this device", "in the client version policy of the pool, allow this device's User-Agent; or change the setting user_agent"),
	17003: diagnostics(17003, "", SideRegistrar, "the client version policy refuses this device", "in the client version policy of the pool, allow this device's User-Agent; or change the setting user_agent"),
	17004: diagnostics(17004, "", SideRegistrar, "the client version policy refuses this device", "in the client version policy of the pool, allow this device's User-Agent; or change the setting user_agent"),
}

// diagnostics declares the fault of an error id. Where the id says no more than the status code, the Reason is that of the code.
func diagnostics(id int, reason Reason, side Side, what, do string) *Fault {
	return declare(fmt.Sprintf("diagnostics.%d", id), reason, side, "{host} refuses the sign-in because "+what+": {said}", do)
}

// FaultOfDiagnostics returns the fault of an error id of ms-diagnostics, or nil.
func FaultOfDiagnostics(id int) *Fault { return faultsOfDiagnostics[id] }

// DiagnosticsIDs returns the error ids of ms-diagnostics that have a fault, in order.
func DiagnosticsIDs() []int { return slices.Sorted(maps.Keys(faultsOfDiagnostics)) }
