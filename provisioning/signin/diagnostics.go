package signin

import (
	"errors"

	"github.com/homeward-agent/homeward/internal/sip"
	"github.com/homeward-agent/homeward/internal/trust"
	"github.com/homeward-agent/homeward/provisioning"
)

// diagnosis is our advice on one error id of a Lync server (MS-OCER; TechNet, "ms-diagnostics"). The id, the
// server's reason and its name are shown verbatim beside it.
type diagnosis struct {
	id     int
	reason provisioning.Reason // where it says more than the status code; empty: that of the code
	advice string
}

var diagnoses = []diagnosis{
	{1000, provisioning.SIPCredentials, `the final security handshake failed: check user (Lync often wants DOMAIN\name) and password_file, the certificate and the clock, then restart homeward`},
	{1003, provisioning.SIPNotFound, "the user does not exist: check the spelling of sip_address, and that the account is enabled for Lync"},
	{1005, "", "the server does not serve this SIP domain: check sip_address and the supported SIP domains of the site"},
	{1006, "", "the server could not route on this connection: nothing to do here, the device tries again"},
	{1007, "", "the server cannot reach the next hop for now: an outage on the server side"},
	{1008, "", "the server cannot resolve a DNS SRV record: DNS on the server side"},
	{1009, "", "the SRV and host records of the domain contradict each other: correct the target of the SRV record"},
	{1010, "", "the server does not trust the certificate of its next hop: certificates between Edge and pool"},
	{1011, "", "the previous hop gave no diagnostics: look at the server named as source"},
	{1013, provisioning.ClockWrong, "the clocks are too far apart: set the clock of this device"},
	{1014, "", "the server cannot resolve a DNS host record: DNS on the server side"},
	{2057, "", "a fault of this program: gruu-10 was missing"},
	{4003, "", "the account is not enabled for remote access: allow external user access for it, or sign in from inside"},
	{4004, "", "login name and SIP address belong to different accounts: check user against sip_address"},
	{4005, provisioning.SIPNotFound, "the SIP address is not enabled or does not exist: check sip_address, and that the account is enabled for Lync"},
	{4006, provisioning.SIPNotFound, "the user is not in this pool: the account has moved or the pool is behind; the device starts discovery again"},
	{4010, "", "a fault of this program: the endpoint id was missing"},
	{4011, "", "a fault of this program: the endpoint id was missing"},
	{4012, "", "a fault of this program: the endpoint id was too long"},
	{4055, "", "a fault of this program: the event was not \"registration\""},
	{4141, "", "the account is disabled: have it enabled"},
	{5000, "", "critical services of the pool are down: check the services of the Registrar"},
	{5001, "", "the pool did not answer in time: check the services of the Registrar"},
	{13009, "", "no endpoint in the backup Registrar: the pool is failing over"},
	{17000, "", "the client version policy refuses this device: allow its User-Agent"},
	{17001, "", "the client version policy refuses this device: allow its User-Agent"},
	{17002, "", "the client version policy refuses this device: allow its User-Agent"},
	{17003, "", "the client version policy refuses this device: allow its User-Agent"},
	{17004, "", "the client version policy refuses this device: allow its User-Agent"},
}

// diagnose returns what we know about the first diagnostics of an answer that we know something about.
func diagnose(err error) (diagnosis, bool) {
	for _, said := range diagnosticsOf(err) {
		for _, d := range diagnoses {
			if d.id == said.ID {
				return d, true
			}
		}
	}
	return diagnosis{}, false
}

// doubtsPassword says whether a refusal may be that of the password, although it is no 401: Asterisk's chan_sip answers
// 403 to a wrong one. What the Registrar says clearly of another fault is none, and neither is what carried no credentials.
func doubtsPassword(err error) bool {
	var status *sip.StatusError
	if !errors.As(err, &status) || status.Code != 403 || status.Scheme == "" {
		return false
	}
	d, known := diagnose(err)
	return !known || d.reason == provisioning.SIPCredentials
}

func diagnosticsOf(err error) []sip.Diagnostic {
	var status *sip.StatusError
	if errors.As(err, &status) {
		if status.Unsigned { // shown, but no advice is built on it
			return nil
		}
		return status.Diagnostics
	}
	var credentials *sip.CredentialsError
	if errors.As(err, &credentials) && credentials.Status != nil {
		return credentials.Status.Diagnostics
	}
	return nil
}

// HintOf returns what to do about an error: the advice for the server's own diagnostics, or else for the Reason.
func HintOf(err error) string {
	if d, ok := diagnose(err); ok {
		return d.advice
	}
	var status *sip.StatusError
	if errors.As(err, &status) && status.TooManyBindings() {
		return "the account has as many registrations as the Registrar allows: remove what is left over there, or raise the limit (max_contacts of Kamailio)"
	}
	if doubtsPassword(err) {
		return "check user and password_file first, then restart homeward: some Registrars answer a wrong password so; if both are right, " +
			"check that the account is enabled for SIP, that the client version policy lets this device in, and that the account may have one more " +
			"registration (max_contacts and remove_existing of Asterisk)"
	}
	var auth *sip.AuthError
	if errors.As(err, &auth) && auth.Kind == sip.PasswordMissing {
		return "set password_file: the Registrar asks for a password, and none is configured"
	}
	var certificate *trust.CertificateError
	if errors.As(err, &certificate) && certificate.Problem == trust.WeakSignature {
		return "have the certificate of the Registrar, and any intermediate one above it, signed with SHA-256"
	}
	return ReasonOf(err).Hint()
}
