package discover

import (
	"errors"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"homeward/internal/plain"
	"homeward/internal/srv"
	"homeward/provisioning"
)

// dnsFaults has every srv.Kind but those that prove absence: what a look-up that found nothing is.
var dnsFaults = map[srv.Kind]provisioning.Fault{
	srv.NotOffered:  provisioning.FaultNotOffered,
	srv.Timeout:     provisioning.FaultDNSSilentFor,
	srv.NoServer:    provisioning.FaultNoNameServer,
	srv.PortClosed:  provisioning.FaultDNSClosed,
	srv.Unreachable: provisioning.FaultDNSUnreachable,
	srv.HungUp:      provisioning.FaultDNSHungUp,
	srv.NobodyThere: provisioning.FaultDNSNobodyThere,
	srv.NoGateway:   provisioning.FaultDNSNoGateway,
	srv.ServFail:    provisioning.FaultDNSServFail,
	srv.Refused:     provisioning.FaultDNSRefused,
	srv.FormErr:     provisioning.FaultDNSNotUnderstood,
	srv.NotImp:      provisioning.FaultDNSNotUnderstood,
	srv.OtherCode:   provisioning.FaultDNSNotUnderstood,
	srv.Referral:    provisioning.FaultDNSReferral,
	srv.Truncated:   provisioning.FaultDNSTruncated,
	srv.Strangers:   provisioning.FaultDNSStrangers,
	srv.Unreadable:  provisioning.FaultDNSUnusable,
	srv.AliasLoop:   provisioning.FaultDNSAliasLoop,
	srv.BadName:     provisioning.FaultDNSBadName,
	srv.BadTarget:   provisioning.FaultRecordUnusable,
	srv.BadPort:     provisioning.FaultRecordUnusable,
	srv.BadAddress:  provisioning.FaultDNSBadAddress,
	srv.NoWay:       provisioning.FaultDNSOtherVersion,
}

// lookupTrouble is what a look-up that found nothing is, but for a name that does not exist; and what the other servers say, if it
// is something else.
func lookupTrouble(e *srv.Error) provisioning.Trouble {
	if servers := ownClosed(e); servers != nil {
		asked := "named"
		if !slices.ContainsFunc(servers, func(s string) bool { return s != "127.0.0.1:53" && s != "[::1]:53" }) {
			asked = "default" // whom the system asks where resolv.conf names nobody: resolv.conf(5)
		}
		facts := provisioning.Facts{"servers": servers, asked: true}
		if asked == "default" && len(servers) > 1 { // a resolv.conf that names this device names one
			facts["unset"] = true
		}
		return provisioning.FaultDNSOwnClosed.Met(facts)
	}
	t := serverTrouble(e)
	for _, other := range e.Others {
		if !other.Absent() {
			t = t.And(serverTrouble(other))
		}
	}
	return t
}

// serverTrouble is what a server says that found nothing.
func serverTrouble(e *srv.Error) provisioning.Trouble {
	facts := factsOf(e)
	if e.Kind == srv.Timeout && !e.Addresses && e.Dropped.Why == srv.Elsewhere {
		facts["from"] = e.Dropped.From
		return provisioning.FaultDNSElsewhere.Met(facts)
	}
	if e.Kind == srv.Timeout && !e.Addresses && e.Dropped.Count > 0 {
		facts["dropped"] = e.Dropped.Count
		return provisioning.FaultDNSDropped.Met(facts)
	}
	fault := dnsFaults[e.Kind]
	if e.Detour != "" {
		maps.Copy(facts, provisioning.ByRoute(e.Detour, e.Gateway))
		fault = provisioning.FaultDNSDeadRoute
	}
	if e.NoRoute {
		fault = provisioning.FaultDNSNoDefault
	}
	switch class := e.Says.Class(); {
	case fault == "":
		return provisioning.Unknown.Met(plain.Words(e))
	case e.Kind == srv.Truncated && e.TCP == srv.PortClosed: // it says so itself
		return fault.Met(facts).On(provisioning.SideDNS)
	case e.Kind == srv.Truncated:
		return fault.Met(facts).On(provisioning.SideNetwork)
	case class == srv.Filtered:
		return provisioning.FaultDNSBlocked.Because(fault.Met(facts), facts)
	case e.Kind == srv.ServFail && class == srv.Validation:
		return provisioning.FaultDNSSEC.Met(facts)
	case e.Kind == srv.ServFail && class == srv.NoAuthority:
		return provisioning.FaultDNSNoAuthority.Met(facts)
	case e.Kind == srv.Refused && !e.Addresses && ownResolver(e.Server):
		return provisioning.FaultDNSStubRefused.Met(facts)
	case e.Addresses && e.Kind == srv.Timeout:
		facts["how"] = "no answer"
		return provisioning.FaultDNSNoSRV.Because(fault.Met(facts), facts)
	case e.Lives:
		facts["span"] = span(e.Waited)
		return provisioning.FaultDNSWaits.Met(facts)
	case e.Addresses:
		facts["how"] = e.CodeName()
		return provisioning.FaultDNSNoSRV.Because(fault.Met(facts), facts)
	default:
		return fault.Met(facts)
	}
}

// factsOf is what is known of a look-up that found nothing.
func factsOf(e *srv.Error) provisioning.Facts {
	facts := provisioning.Facts{"name": e.Name, "zone": zoneOf(e.Name), "says": e.Says.String(), "alias": aliasOf(e), "code": e.CodeName(), "tcp": overTCP[e.TCP], "new": true, "dead": true, "alone": true}
	if e.Gateway.IsValid() && e.Detour == "" {
		facts.Through(e.Gateway)
	}
	if e.Server != "" {
		facts["servers"] = append([]string{e.Server}, e.Alike...)
	}
	if e.Err != nil {
		facts["problem"] = plain.Words(e.Err)
	}
	noteAddresses(facts, e)
	return facts
}

// span is how long somebody was waited for.
func span(waited time.Duration) string { return waited.Round(100 * time.Millisecond).String() }

// blocked is for what a server may not tell, as it says, and that looks as if it were not there.
func blocked(e *srv.Error, as provisioning.Reason) provisioning.Trouble {
	return provisioning.FaultDNSBlocked.Because(as.Met(""), factsOf(e))
}

// noteAddresses adds what is to be told of addresses that lead this device nowhere.
func noteAddresses(facts provisioning.Facts, e *srv.Error) {
	if len(e.Addrs) == 0 {
		return
	}
	addr := e.Addrs[0]
	facts["addresses"], facts["version"], facts["record"] = e.Addrs, provisioning.Family(addr), "A"
	if addr.Is4() {
		facts["record"] = "AAAA"
	}
	if addr.IsUnspecified() || addr.IsLoopback() { // what filters answer in place of an address that they block; or a mistake
		facts["blocked"] = e.Name
	}
}

// ownClosed are the name servers of a device that asks nobody but itself, as one does that knows no name server
// (resolv.conf(5)), where none of them can be asked and one is known not to run; or nil.
func ownClosed(e *srv.Error) (servers []string) {
	closed := false
	for _, said := range append([]*srv.Error{e}, e.Others...) {
		closed = closed || said.Kind == srv.PortClosed
		if !said.Unasked() || said.Addresses {
			return nil
		}
		servers = append(append(servers, said.Server), said.Alike...)
	}
	if !closed || slices.ContainsFunc(servers, func(s string) bool { return !ownResolver(s) || !strings.HasSuffix(s, ":53") }) {
		return nil
	}
	return servers
}

// ownResolver says whether a server is on this device, as the stub of systemd-resolved is.
func ownResolver(server string) bool {
	at, err := netip.ParseAddrPort(server)
	return err == nil && at.Addr().IsLoopback()
}

// zoneOf is the domain of an SRV record (RFC 2782), or else the name itself.
func zoneOf(name string) string {
	for strings.HasPrefix(name, "_") {
		_, name, _ = strings.Cut(name, ".")
	}
	return name
}

// overTCP has every way in which TCP fails after a truncated answer: what the server does then.
var overTCP = map[srv.Kind]string{
	srv.Timeout:     "does not answer",
	srv.PortClosed:  "refuses the connection",
	srv.Unreachable: "cannot be reached",
	srv.HungUp:      "closes the connection without an answer",
	srv.Unreadable:  "sends an answer that cannot be used",
}

// aliasOf is the end of the aliases, as a tech writes it.
func aliasOf(e *srv.Error) string { return strings.TrimSuffix(e.Alias, ".") }

// lack is what the end of an alias has not.
func lack(e *srv.Error, record string) string {
	if e.Code == 0 {
		return "has no " + record
	}
	return "does not exist"
}

// failed fills in what a failed look-up of SRV records proves.
func failed(f *provisioning.Finding, err error) {
	e := lookUpError(err)
	if e.Absent() {
		f.Verdict, f.Reason = provisioning.Absent, provisioning.DNSNoRecord
		f.Trouble = absence(e)
		if f.Detail = ""; len(e.Others) > 0 {
			f.Detail = plain.Words(err)
		}
		return
	}
	f.Verdict, f.Trouble, f.NoServer = provisioning.Failed, lookupTrouble(e), e.Unasked()
	f.Reason = f.Trouble.Reason()
	if e.Kind == srv.NotOffered {
		f.Verdict = provisioning.Found
		return
	}
	f.Detail = plain.Words(err)
}

// leftOut fills in that not all SRV records can be used, and why the first is not that cannot; nil: all can.
func leftOut(f *provisioning.Finding, first *srv.Error) {
	if first == nil {
		return
	}
	problem := `its target is "."`
	if first.Kind != srv.NotOffered {
		problem = plain.Words(first.Err)
	}
	f.Trouble = provisioning.FaultOneRecordUnusable.Met(provisioning.Facts{"query": f.Query, "problem": problem})
	f.Reason = f.Trouble.Reason()
}

// absence is what is worth telling of SRV records that do not exist, if there is something.
func absence(e *srv.Error) provisioning.Trouble {
	if t := overruled(e, "SRV record "+e.Name, provisioning.DNSNoRecord); !t.None() {
		return t
	}
	if e.Says.Class() == srv.Filtered {
		return blocked(e, provisioning.DNSNoRecord)
	}
	if e.Kind == srv.DanglingAlias {
		return provisioning.FaultDanglingRecord.Met(provisioning.Facts{"query": e.Name, "alias": aliasOf(e), "lack": lack(e, "SRV record")})
	}
	return provisioning.Trouble{}
}

// overruled is a server that is listed before the one that says that there is nothing, and has said nothing of use.
func overruled(e *srv.Error, query string, reason provisioning.Reason) provisioning.Trouble {
	first := e.Earlier()
	if first == nil {
		return provisioning.Trouble{}
	}
	did := ""
	switch {
	case first.Kind == srv.Timeout:
		did = "did not answer within " + span(first.Waited)
	case first.Unasked():
		did = "could not be asked"
	case first.Code != 0:
		did = "answers " + first.CodeName()
	default:
		did = "sends an answer that cannot be used"
	}
	facts := provisioning.Facts{"query": query, "servers": append([]string{e.Server}, e.Alike...), "first": first.Server, "did": did}
	if first.Kind == srv.Timeout {
		facts["silent"] = true
	}
	return provisioning.FaultDNSFirstFails.Because(reason.Met(plain.Words(e)), facts)
}

// noAddress fills in why a name has no address.
func noAddress(name *provisioning.Name, err error) {
	e := lookUpError(err)
	switch name.Detail = plain.Words(err); {
	case e.Absent() && e.Says.Class() == srv.Filtered:
		name.Reason, name.Trouble = provisioning.NoAddress, blocked(e, provisioning.NoAddress)
	case e.Kind == srv.DanglingAlias:
		facts := provisioning.Facts{"name": e.Name, "alias": aliasOf(e), "lack": lack(e, "address")}
		facts["create"] = facts["alias"]
		if e.Code == 0 {
			facts["kept"] = facts["alias"]
		}
		name.Trouble = provisioning.FaultDanglingAlias.Met(facts)
		name.Reason = provisioning.NoAddress
	case e.Absent():
		name.Reason, name.Trouble = provisioning.NoAddress, overruled(e, "address of "+e.Name, provisioning.NoAddress)
		if e.Kind == srv.NoRecord && name.Trouble.None() {
			name.Trouble = provisioning.NoSuchName().With(provisioning.Facts{"servers": e.Server})
		}
	default:
		name.Trouble = lookupTrouble(e)
		name.Reason = name.Trouble.Reason()
	}
}

// lookUpError is what package srv says, which says nothing else.
func lookUpError(err error) *srv.Error {
	e := &srv.Error{Kind: srv.Unreadable, Err: err}
	_ = errors.As(err, &e)
	return e
}

// DHCPTrouble is the fault of what DHCP says. detail is what was said, and by whom.
func DHCPTrouble(reason provisioning.Reason, detail string) provisioning.Trouble {
	facts := provisioning.Facts{"problem": detail}
	switch reason {
	case provisioning.DHCPMalformed:
		return provisioning.FaultDHCPBytes.Met(facts)
	case provisioning.DHCPVendorClass:
		return provisioning.FaultDHCPClass.Met(facts)
	case provisioning.DHCPConflict:
		return provisioning.FaultDHCPDisagree.Met(facts)
	case provisioning.TLSNoName:
		return provisioning.FaultDHCPAddress.Met(facts)
	default:
		return reason.Met(detail)
	}
}
