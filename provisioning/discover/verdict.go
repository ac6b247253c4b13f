package discover

import (
	"errors"

	"github.com/homeward-agent/homeward/internal/srv"
	"github.com/homeward-agent/homeward/provisioning"
)

// dnsReasons says what each srv.Kind means for a look-up that found nothing, but for a service that is decidedly not
// offered, and for a host, whose absence is NoAddress.
var dnsReasons = map[srv.Kind]provisioning.Reason{
	srv.NoRecord:      provisioning.DNSNoRecord,
	srv.NoData:        provisioning.DNSNoRecord,
	srv.DanglingAlias: provisioning.DNSNoRecord,
	srv.NotOffered:    provisioning.ServiceNotOffered,
	srv.Timeout:       provisioning.DNSTimeout,
	srv.NoServer:      provisioning.DNSTimeout,
	srv.PortClosed:    provisioning.DNSTimeout,
	srv.Unreachable:   provisioning.DNSTimeout,
	srv.HungUp:        provisioning.DNSTimeout,
	srv.ServFail:      provisioning.DNSServFail,
	srv.Refused:       provisioning.DNSRefused,
	srv.FormErr:       provisioning.DNSServFail,
	srv.NotImp:        provisioning.DNSServFail,
	srv.OtherCode:     provisioning.DNSServFail,
	srv.Referral:      provisioning.DNSServFail,
	srv.Truncated:     provisioning.DNSMalformed,
	srv.Strangers:     provisioning.DNSMalformed,
	srv.Unreadable:    provisioning.DNSMalformed,
	srv.AliasLoop:     provisioning.DNSMalformed,
	srv.BadName:       provisioning.DNSMalformed,
	srv.BadTarget:     provisioning.DNSMalformed,
	srv.BadPort:       provisioning.DNSMalformed,
	srv.BadAddress:    provisioning.DNSMalformed,
}

// failed fills in what a failed look-up of SRV records proves.
func failed(f *provisioning.Finding, err error) {
	e := lookUpError(err)
	f.Verdict, f.Reason, f.Err, f.NoServer = provisioning.Failed, dnsReasons[e.Kind], err, e.Unasked()
	switch {
	case e.Kind == srv.NotOffered:
		f.Verdict = provisioning.Found
	case e.Absent():
		f.Verdict = provisioning.Absent
	default:
		f.Detail = provisioning.DetailOf(err)
	}
}

// noAddress fills in why a name has no address.
func noAddress(name *provisioning.Name, err error) {
	e := lookUpError(err)
	name.Reason, name.Detail, name.Err = dnsReasons[e.Kind], provisioning.DetailOf(err), err
	if e.Absent() {
		name.Reason = provisioning.NoAddress
	}
}

// lookUpError is what package srv says, which says nothing else.
func lookUpError(err error) *srv.Error {
	e := &srv.Error{Kind: srv.Unreadable, Err: err}
	_ = errors.As(err, &e)
	return e
}
