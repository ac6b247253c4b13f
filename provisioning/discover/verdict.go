package discover

import (
	"errors"

	"github.com/homeward-agent/homeward/internal/plain"
	"github.com/homeward-agent/homeward/internal/srv"
	"github.com/homeward-agent/homeward/provisioning"
)

// dnsFaults has every srv.Kind but those that prove absence: what a look-up that found nothing is.
var dnsFaults = map[srv.Kind]*provisioning.Fault{
	srv.NotOffered:  provisioning.FaultNotOffered,
	srv.Timeout:     provisioning.FaultDNSSilentFor,
	srv.NoServer:    provisioning.FaultNoNameServer,
	srv.PortClosed:  provisioning.FaultDNSClosed,
	srv.Unreachable: provisioning.FaultDNSUnreachable,
	srv.HungUp:      provisioning.FaultDNSHungUp,
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
}

// lookupTrouble is what a look-up that found nothing is, but for a name that does not exist.
func lookupTrouble(e *srv.Error) provisioning.Trouble {
	facts := provisioning.Facts{"servers": e.Server, "name": e.Name, "query": e.Name, "code": e.Code, "alias": e.Alias}
	if e.Err != nil {
		facts["problem"] = plain.Words(e.Err)
	}
	if e.Kind == srv.Timeout && e.Dropped.Count > 0 {
		facts["dropped"] = e.Dropped.Count
		return provisioning.FaultDNSDropped.Met(facts)
	}
	if fault := dnsFaults[e.Kind]; fault != nil {
		return fault.Met(facts)
	}
	return provisioning.Unknown.Met(plain.Words(e))
}

// failed fills in what a failed look-up of SRV records proves.
func failed(f *provisioning.Finding, err error) {
	e := lookUpError(err)
	if e.Absent() {
		f.Verdict, f.Reason = provisioning.Absent, provisioning.DNSNoRecord
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

// noAddress fills in why a name has no address.
func noAddress(name *provisioning.Name, err error) {
	e := lookUpError(err)
	switch name.Detail = plain.Words(err); {
	case e.Kind == srv.DanglingAlias:
		name.Trouble = provisioning.FaultDanglingAlias.Met(provisioning.Facts{"name": e.Name, "alias": e.Alias})
		name.Reason = provisioning.NoAddress
	case e.Absent():
		name.Reason = provisioning.NoAddress
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
