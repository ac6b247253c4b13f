package sip

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// refusal reads what a final answer says about itself.
func refusal(m *message) *StatusError {
	e := &StatusError{
		Code: m.code, Phrase: printable(m.phrase), Diagnostics: diagnostics(m), Problem: printable(m.get("P-Registrar-Error")), Warnings: warnings(m), Unsigned: m.unsigned,
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
			found = append(found, Diagnostic{ID: id, Reason: printable(p["reason"]), Source: printable(p["source"])})
		}
	}
	return found
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

// date returns the Registrar's clock, zero when it told none that can be read.
func date(m *message) time.Time {
	t, err := http.ParseTime(m.get("Date"))
	if err != nil {
		return time.Time{}
	}
	return t
}
