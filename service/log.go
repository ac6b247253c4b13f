package service

import (
	"log/slog"
	"time"

	"homeward/provisioning"
	"homeward/service/control"
)

// logEntry writes one entry to the log. State changes and registrations are Info; failures, an outage and a
// degraded registration are Warn, so that the default log says why there is one; the rest is Debug.
func logEntry(log *slog.Logger, e *control.Entry) {
	message, level := headline(e)
	attrs := make([]any, 0, 12)
	add := func(key, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(key, value))
		}
	}
	add("state", e.State)
	if e.Degraded {
		attrs = append(attrs, slog.Bool("degraded", true))
	}
	add("step", e.Step)
	add("query", e.Query)
	add("verdict", e.Verdict)
	if e.Host != "" {
		add("host", provisioning.Endpoint{Host: e.Host, Port: e.Port}.HostPort())
	}
	add("addr", e.Address)
	add("transport", e.Transport)
	add("reason", string(e.Reason))
	if e.TookMS > 0 {
		add("took", (time.Duration(e.TookMS) * time.Millisecond).String())
	}
	if !e.Until.IsZero() {
		add("until", e.Until.Format(time.RFC3339))
	}
	if e.Event == string(provisioning.NetworkChanged) {
		add("change", e.Detail)
	} else {
		add("err", e.Detail)
	}
	switch level {
	case slog.LevelDebug:
		log.Debug(message, attrs...)
	case slog.LevelWarn:
		log.Warn(message, attrs...)
	default:
		log.Info(message, attrs...)
	}
}

// headline is what an entry says in a few words, and how loud.
func headline(e *control.Entry) (string, slog.Level) {
	switch provisioning.EventKind(e.Event) {
	case provisioning.StateChanged:
		if e.Degraded || e.State == provisioning.Outage.String() {
			return "state changed", slog.LevelWarn
		}
		return "state changed", slog.LevelInfo
	case provisioning.LookedUp:
		switch {
		case !e.Failure():
			return "source answered", slog.LevelDebug
		case e.Verdict == provisioning.Failed.String():
			return "look-up failed", slog.LevelWarn
		default:
			return "source answered", slog.LevelWarn
		}
	case provisioning.Skipped:
		return "skipped", slog.LevelDebug
	case provisioning.Attempted:
		if e.Reason != "" {
			return "attempt failed", slog.LevelWarn
		}
		return "attempt answered", slog.LevelInfo
	case provisioning.Redirected:
		return "redirected", slog.LevelInfo
	case provisioning.Committed:
		return "last good committed", slog.LevelInfo
	case provisioning.StoreNote:
		return "problem with the store of last good", slog.LevelWarn
	case provisioning.Conflict:
		return "DHCP servers disagree", slog.LevelWarn
	case provisioning.Paced:
		return "not as it should be, although the device gets along", slog.LevelWarn
	case provisioning.Well:
		return "what was wrong with a name server is over", slog.LevelInfo
	case provisioning.ClockSkew:
		return "clocks are far apart", slog.LevelWarn
	case provisioning.Enrolled:
		if e.Reason != "" {
			return "certificate for sign-in", slog.LevelWarn
		}
		return "certificate for sign-in received", slog.LevelInfo
	case provisioning.Told:
		return "learned in band", slog.LevelInfo
	case provisioning.Refreshed:
		if e.Reason != "" {
			return "refresh refused, but the binding is still valid", slog.LevelWarn
		}
		return "binding renewed", slog.LevelDebug
	case provisioning.Lost:
		return "registration lost", slog.LevelWarn
	case provisioning.WentNormal:
		return "back to normal", slog.LevelInfo
	case provisioning.NotCertified:
		return "the certificate did not sign in", slog.LevelWarn
	case provisioning.GivenBack:
		if e.Reason != "" {
			return "the binding was not given back, and will expire", slog.LevelWarn
		}
		return "binding given back, watching the Registrar without it", slog.LevelInfo
	case provisioning.Visited:
		return "the Registrar keeps no connection without a binding, but it answers", slog.LevelDebug
	case provisioning.Reported:
		return "the phone reports that its registration has failed", slog.LevelInfo
	case provisioning.Unregistered:
		return "unregistered", slog.LevelInfo
	case provisioning.Waiting:
		return "waiting", slog.LevelInfo
	case provisioning.NetworkChanged:
		return "the network of this device has changed", slog.LevelInfo
	default:
		return e.Event, slog.LevelInfo
	}
}
