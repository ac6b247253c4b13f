package sip

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// refusal reads what a final answer says about itself.
func refusal(m *message) *StatusError {
	e := &StatusError{
		Code: m.code, Phrase: printable(m.phrase), Diagnostics: diagnostics(m), Problem: printable(m.get("P-Registrar-Error")), Warnings: warnings(m), Fields: fields(m), Unsigned: m.unsigned,
	}
	if m.unsigned {
		return e
	}
	e.Date = date(m)
	if wait, ok := seconds(m.get("Retry-After"), maxRetryAfter); ok {
		e.RetryAfter = time.Duration(max(wait, 1)) * time.Second
	}
	return e
}

// diagnostics reads a Lync server's own account of what it does to us.
func diagnostics(m *message) []Diagnostic {
	var found []Diagnostic
	for _, value := range append(m.all("ms-diagnostics"), m.all("ms-diagnostics-public")...) {
		parts := split(value, ';')
		if len(parts) == 0 || len(found) == maxListed {
			continue
		}
		if id, err := strconv.Atoi(parts[0]); err == nil {
			p := parseParams(parts[1:])
			found = append(found, Diagnostic{ID: id, Reason: printable(p["reason"]), Source: printable(p["source"]), Besides: besides(p)})
		}
	}
	return found
}

// tellingParams are the parameters of ms-diagnostics that say why: what failed, and with whom (MS-OCER; TechNet, "ms-diagnostics"). What
// is not here is for the logs of the servers.
var tellingParams = []string{"HRESULT", "ErrorType", "cause", "summary", "winsock-info", "dns-srv-result", "fqdn", "PeerServer", "tls-target", "ip-address", "domain", "appName"}

func besides(p params) (said []string) {
	for _, name := range tellingParams {
		if value := p[strings.ToLower(name)]; value != "" {
			said = append(said, name+" "+printable(value))
		}
	}
	return said
}

// warnings reads what the servers on the way say about an answer.
func warnings(m *message) []Warning {
	var found []Warning
	for _, value := range m.list("Warning") {
		code, rest, _ := strings.Cut(value, " ")
		agent, text, _ := strings.Cut(strings.TrimLeft(rest, " \t"), " ")
		if n, err := strconv.Atoi(code); err == nil && 100 <= n && n <= 999 && len(found) < maxListed {
			found = append(found, Warning{Code: n, Agent: printable(agent), Text: printable(unquote(strings.TrimLeft(text, " \t")))})
		}
	}
	return found
}

// telling are the header fields in which a Registrar says what it wants of a request that it refuses (RFC 3261 sections
// 21.4.14, 21.4.15, 21.4.17; RFC 3329), and why it refuses it (RFC 3326).
var telling = []string{"Require", "Unsupported", leastField, "Security-Server", reasonField}

// fields reads them. A 3xx that is not followed says where else to go in its Contact (RFC 3261 section 21.3).
func fields(m *message) []Field {
	names := telling
	if m.code/100 == 3 {
		names = append(slices.Clip(names), "Contact")
	}
	var found []Field
	for _, name := range names {
		for _, value := range m.all(name) {
			if value != "" && len(found) < maxListed {
				found = append(found, Field{name, printable(value)})
			}
		}
	}
	return found
}

// date returns the Registrar's clock, zero when it told none that can be read.
func date(m *message) time.Time {
	t, err := http.ParseTime(m.get("Date"))
	if err != nil {
		return time.Time{}
	}
	return t
}
