package check

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/homeward-agent/homeward/internal/sip"
	"github.com/homeward-agent/homeward/provisioning"
)

func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

const tooSlow = "takes longer than a check waits"

// refusal is for a device that meets Registrars, none of which takes it.
func (f *Facts) refusal() advice {
	attempts := f.SignIn.Attempts
	for i := len(attempts) - 1; i >= 0; i-- { // the last word, where it is the one that counts
		if a := attempts[i]; a.Result == "failed" && a.Reason == f.SignIn.Reason {
			if p, ok := f.badAt(a); ok {
				return f.deadPlace(p)
			}
			return f.refused(a)
		}
	}
	for _, a := range attempts {
		if a.Result == "skipped" && a.Step == provisioning.Redirect {
			return f.redirectedNowhere(a, attempts)
		}
	}
	if f.SignIn.Reason == "" { // the time was over
		if a := f.deadPlaces(); a.reason != "" {
			return a
		}
		return advice{reason: provisioning.SIPNoAnswer, side: Registrar, what: "the Registrar answers, but the sign-in " + tooSlow,
			do: "look at the load of the Registrar and of its domain controllers; the daemon has more patience, see homeward status"}
	}
	reason := f.SignIn.Reason
	return advice{reason: reason, side: Registrar, what: strings.TrimSuffix(reason.Title()+": "+f.SignIn.Detail, ": "), do: cmp.Or(f.SignIn.Hint, reason.Hint())}
}

// badAt returns the place at which an attempt has met a bad certificate, with the address that showed it.
func (f *Facts) badAt(a provisioning.Attempt) (Place, bool) {
	p, ok := f.place(provisioning.Candidate{Endpoint: a.Endpoint(), Addrs: []netip.Addr{a.Address}})
	return p, ok && a.Reason.IsCertificate() && slices.ContainsFunc(p.Probes, isUnproven)
}

// redirectedNowhere is for a redirect that cannot be followed.
func (f *Facts) redirectedNowhere(a provisioning.Attempt, attempts []provisioning.Attempt) advice {
	from := a.Host
	for _, before := range attempts {
		if before.Result == "redirected" {
			from = before.Host
		}
	}
	out := advice{reason: a.Reason, side: Registrar, do: a.Hint, what: fmt.Sprintf("%s redirects the device to %s, which is not used: %s", from, a.Host, a.Reason.Title())}
	switch a.Reason {
	case provisioning.NoAddress:
		out.side = DNS
		out.what = fmt.Sprintf("%s redirects the device to its home pool %s, which has no address", from, a.Host)
		out.do = fmt.Sprintf("create the A record of %s, or move the user to a pool that exists", a.Host)
	case provisioning.SIPRedirectLoop:
		for _, before := range attempts {
			if before.Result == "redirected" {
				out.what = fmt.Sprintf("the redirects that begin at %s lead in a circle", before.Host)
				break
			}
		}
	default: // the title says it
	}
	return out
}

// refused is for one Registrar that answered, and did not take the device.
func (f *Facts) refused(a provisioning.Attempt) advice {
	out := advice{reason: a.Reason, side: Registrar, do: a.Hint, what: fmt.Sprintf("%s refuses the sign-in: %s", a.Host, a.Said)}
	switch a.Reason {
	case provisioning.SIPCredentials:
		out.side = Account
		out.what = fmt.Sprintf("%s refuses the user name or the password: %s", a.Host, a.Said)
		user := "user"
		if ntlmRefused(f, a) && !strings.Contains(a.User, `\`) {
			user = fmt.Sprintf(`user (%s; Lync often wants DOMAIN\name)`, a.User)
		} else if a.User != "" {
			user = fmt.Sprintf("user (%s)", a.User)
		}
		out.do = fmt.Sprintf("check %s and password_file; the account may be locked or expired", user)
		if ntlmRefused(f, a) { // with diagnostics 1000 or without: what is wrong with the proof, no server says
			out.do += "; if both are right, compare the NTLM security level of the server (NtlmMinServerSec) with NTLMv2 and 128-bit encryption, which this device uses"
		}
	case provisioning.SIPNotFound, provisioning.SIPForbidden:
		out.side = Account
	case provisioning.SIPAuthNotSupported:
		out = f.noWayToSignIn(a)
	case provisioning.ClockWrong:
		out.side, out.what = Device, fmt.Sprintf("%s says that the clocks are too far apart: %s", a.Host, a.Said)
	case provisioning.SIPUnavailable:
		out.what = fmt.Sprintf("%s cannot serve now: %s", a.Host, a.Said)
	case provisioning.SIPNoAnswer:
		out.what = fmt.Sprintf("%s takes the connection, but does not answer SIP", a.Endpoint().HostPort())
	case provisioning.SIPBadSignature:
		out.side, out.what = Network, fmt.Sprintf("the answers of %s are not signed as they must be", a.Host)
	default: // the Registrar's own words say it
	}
	if problem := clockProblem(f); problem != "" && a.Reason != provisioning.ClockWrong {
		out.do += "; and set the clock of this device: " + problem
	}
	if a.Said == "" { // it answered a stranger, and now does not
		out.what = fmt.Sprintf("%s (%s): %s", a.Endpoint().HostPort(), a.Address, a.Reason.Title())
	}
	return out
}

// ntlmRefused says whether NTLM was the way that was refused.
func ntlmRefused(f *Facts, a provisioning.Attempt) bool {
	for _, p := range f.at(a.Host) {
		for _, probe := range p.Probes {
			for _, scheme := range probe.Greeting.Offered {
				if strings.EqualFold(scheme, "NTLM") {
					return true
				}
			}
		}
	}
	return false
}

// noWayToSignIn is for a Registrar that offers nothing this device can or may answer.
func (f *Facts) noWayToSignIn(a provisioning.Attempt) advice {
	out := advice{reason: a.Reason, side: Registrar, what: fmt.Sprintf("%s %s", a.Host, a.Said), do: a.Hint}
	var auth *sip.AuthError
	if !errors.As(a.Err, &auth) {
		return out
	}
	switch auth.Kind {
	case sip.PasswordMissing:
		out.side, out.what = Device, fmt.Sprintf("%s asks for a password, and none is configured", a.Host)
	case sip.ClearTCP:
		out.do = "offer TLS on the Registrar; credentials_over_tcp would let the password be guessed by whoever listens"
		if f.Policy.CredentialsOverTCP {
			out.do = "offer TLS on the Registrar, or name it by an SRV record or in internal_server"
		}
	case sip.KerberosOffered:
		out.do = "set the authentication protocol of the Registrar to both NTLM and Kerberos: this device signs in with NTLM"
	case sip.BasicOffered:
		out.do = "offer Digest or NTLM on the Registrar: Basic would show the password"
	default: // the hint says it
	}
	return out
}
