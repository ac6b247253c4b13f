package sip

import (
	"net/url"
	"strings"

	"homeward/internal/place"
)

// Provisioning is what a Lync server tells a device in band (MS-SIPREGE section 2.2.2.5.1, ServerConfiguration). What it
// does not tell, or tells in a way that cannot be used, is empty.
type Provisioning struct {
	PoolHost          string // home pool: the host name in poolUri, in lower case
	MRASURI           string // who hands out Media Relays: for MediaRelays
	SecurityMode      string // "None", "Low", "Medium" or "High": with High, SIP goes over TLS only
	MinPort, MaxPort  uint16 // where media may go out from; 0 both: anywhere
	UpdateInternalURL string // device updates, seen from inside; http or https
	UpdateExternalURL string // and from outside
	UpdatesOff        bool   // devices are not to ask for updates
}

// parseProvisioning reads a provisioning document. Changes are told by group: when the one we look at is not in it, what
// was known stays.
func parseProvisioning(m *message, known Provisioning) (Provisioning, error) {
	told, found, isProvisioning := map[string]string{}, false, false
	err := readDocument(m, func(path []element, text string) {
		isProvisioning = isProvisioning || path[0].name == "provisiongrouplist"
		if len(path) < 2 || !strings.EqualFold(path[1].attributes["name"], "ServerConfiguration") {
			return
		}
		found = true
		leaf := path[len(path)-1]
		name := leaf.name // one form is <poolUri>…</poolUri>, the other <property name="poolUri">…</property>
		if name == "property" {
			name = strings.ToLower(leaf.attributes["name"])
		}
		if _, known := told[name]; !known {
			told[name] = text
		}
	})
	switch {
	case err != nil:
		return Provisioning{}, err
	case !isProvisioning:
		return Provisioning{}, unreadable("no provisionGroupList")
	case !found:
		return known, nil
	}
	return newProvisioning(told), nil
}

// newProvisioning makes sense of the values, by their names in lower case.
func newProvisioning(told map[string]string) Provisioning {
	p := Provisioning{
		PoolHost:          poolHost(told["pooluri"]),
		UpdateInternalURL: webURL(told["updatesserverinternalurl"]),
		UpdateExternalURL: webURL(told["updatesserverexternalurl"]),
	}
	if isPlainURI(told["mrasuri"]) {
		p.MRASURI = told["mrasuri"]
	}
	for _, mode := range []string{"None", "Low", "Medium", "High"} {
		if strings.EqualFold(told["ucenablesipsecuritymode"], mode) {
			p.SecurityMode = mode
		}
	}
	least, most := port(told["ucminmediaport"]), port(told["ucmaxmediaport"])
	if told["updatesserverenabled"] != "" { // a word that is not known is no leave
		p.UpdatesOff = !isTrue(told["updatesserverenabled"])
	}
	disabled := strings.EqualFold(told["ucportrangeenabled"], "false") || told["ucportrangeenabled"] == "0"
	if !disabled && 0 < least && least <= most {
		p.MinPort, p.MaxPort = least, most
	}
	return p
}

// poolHost finds the pool where a GRUU of Lync has it: "sip:pool01.contoso.com@contoso.com;gruu;opaque=srvr:HomeServer:…".
func poolHost(gruu string) string {
	u, ok := parseURI(gruu)
	host, err := place.HostName(u.user)
	if !ok || err != nil || !strings.Contains(host, ".") {
		return ""
	}
	return host
}

// isTrue reads a boolean of XML Schema; Lync writes them in any case.
func isTrue(s string) bool { return strings.EqualFold(s, "true") || s == "1" }

func webURL(s string) string {
	u, err := url.Parse(s)
	if err != nil || !isPlain(s) || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return ""
	}
	return s
}
