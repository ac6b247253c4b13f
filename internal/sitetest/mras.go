package sitetest

import (
	"cmp"
	"encoding/xml"
	"strconv"
)

// The service that tells Media Relays and issues credentials (MS-AVEDGEA).

type mrasRequest struct {
	XMLName     xml.Name `xml:"http://schemas.microsoft.com/2006/09/sip/mrasp request"`
	ID          string   `xml:"requestID,attr"`
	Version     string   `xml:"version,attr"`
	To          string   `xml:"to,attr"`
	From        string   `xml:"from,attr"`
	Credentials []struct {
		ID       string `xml:"credentialsRequestID,attr"`
		Identity string `xml:"identity"`
		Location string `xml:"location"`
		Duration int    `xml:"duration"`
	} `xml:"credentialsRequest"`
}

type mrasResponse struct {
	XMLName     xml.Name          `xml:"http://schemas.microsoft.com/2006/09/sip/mrasp response"`
	ID          string            `xml:"requestID,attr"`
	Version     string            `xml:"version,attr"`
	Server      string            `xml:"serverVersion,attr"`
	To          string            `xml:"to,attr"`
	From        string            `xml:"from,attr"`
	Phrase      string            `xml:"reasonPhrase,attr"`
	Credentials []mrasCredentials `xml:"credentialsResponse"`
}

type mrasCredentials struct {
	ID       string       `xml:"credentialsRequestID,attr"`
	User     string       `xml:"credentials>username"`
	Password string       `xml:"credentials>password"`
	Duration int          `xml:"credentials>duration"`
	Realm    string       `xml:"credentials>realm"`
	Relays   []mediaRelay `xml:"mediaRelayList>mediaRelay"`
}

// service answers for the mrasUri of the provisioning document.
func (c *caller) service(m manner, req *message) reply {
	st := c.sim.state()
	if uri := st.provisioning.value("mrasUri"); uri == "" || req.uri != uri {
		return reply{code: 404, headers: []string{c.diagnosis(m, 4005)}}
	}
	if status, err := strconv.Atoi(st.relays.mras.word); err == nil {
		return reply{code: status}
	} else if st.relays.mras.word == "silent" {
		return reply{}
	}
	var asked mrasRequest
	a := mrasResponse{Server: "3.0", Phrase: st.relays.mras.phrase}
	if err := xml.Unmarshal(req.body, &asked); err != nil || asked.ID == "" || len(asked.Credentials) == 0 {
		a.Phrase = "Request Malformed"
	} else if asked.Version != "1.0" && asked.Version != "2.0" {
		a.Phrase = "Version Mismatch"
	}
	a.ID, a.Version, a.To, a.From = asked.ID, asked.Version, asked.To, asked.From
	for _, one := range asked.Credentials {
		if a.Phrase == "OK" {
			a.Credentials = append(a.Credentials, mrasCredentials{
				ID: one.ID, User: st.relays.mras.user, Password: st.relays.mras.password, Realm: "rtcmedia",
				Duration: min(cmp.Or(one.Duration, st.relays.mras.duration), st.relays.mras.duration), Relays: c.relays.list(st, one.Location),
			})
		}
	}
	body, err := xml.Marshal(a)
	if err != nil {
		return reply{code: 500}
	}
	return reply{code: 200, body: xml.Header + string(body), headers: []string{
		"Content-Type: application/msrtc-media-relay-auth+xml", "P-Asserted-Identity: <" + req.uri + ">",
	}}
}
