package provisioning

import "slices"

// ofPlaces are the Reasons of what fails at a place, and may be otherwise than it was. A refusal says itself what it is about.
var ofPlaces = []Reason{
	ConnectRefused, ConnectReset, ConnectTimeout, TLSFailed, TLSTimeout, TLSVersion, TLSClientCert, TLSName, TLSNoName, TLSUntrusted, TLSUnreadable,
	SIPNoAnswer, SIPMalformed,
}

// Since adds to what is wrong at a place that this device was registered there: "until 2026-11-30 03:54:29 UTC". What can be wrong only where
// it was not is not said then, nor advised: the fact "new" is for that.
func Since(worked string, t Trouble) Trouble {
	if worked == "" || !slices.Contains(ofPlaces, t.Reason()) || t.OnSide() == SideDevice {
		return t
	}
	before := FaultWorked.Met(Facts{"when": worked})
	if !t.Reason().IsCertificate() && t.Fault != FaultServerPort { // of those it is seen what has changed
		before.Facts["hidden"] = true
	}
	t = t.With(nil)
	t.Facts["worked"] = before
	delete(t.Facts, "new")
	if odd := t.Facts["odd"]; odd != nil {
		t.Facts["usual"] = odd
		delete(t.Facts, "odd")
	}
	if t.Fault == FaultServerPort {
		return t.On(SideRegistrar)
	}
	return t
}
