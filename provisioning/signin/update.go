package signin

import (
	"net/url"

	"homeward/internal/place"
	"homeward/provisioning"
)

// updateOf is where the updater of the phone may ask, as a lesson has it; nil: nowhere. What may not be used is left out, and what
// the site has switched off is not named.
func updateOf(policy *provisioning.Policy, l Lesson) *provisioning.Update {
	p := l.provisioning
	switch {
	case !l.known:
		return nil
	case p.UpdatesOff:
		return &provisioning.Update{}
	}
	u := &provisioning.Update{Enabled: true, InternalURL: usableUpdate(policy, p.UpdateInternalURL), ExternalURL: usableUpdate(policy, p.UpdateExternalURL)}
	if u.URL = u.InternalURL; l.remote {
		u.URL = u.ExternalURL
	}
	if u.InternalURL == "" && u.ExternalURL == "" {
		return nil
	}
	return u
}

// usableUpdate returns the URL if an updater may use it: over https, with a name under the SIP domain, without a user or a password;
// else "".
func usableUpdate(policy *provisioning.Policy, text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.User != nil || u.Fragment != "" {
		return ""
	}
	host, err := place.HostName(u.Hostname())
	if err != nil || !policy.MayBeWeb(host) {
		return ""
	}
	return text
}
