package provisioning

import (
	"encoding/json"
	"testing"
)

func TestEndpoint(t *testing.T) {
	for _, row := range []struct {
		at             Endpoint
		hostPort, text string
		json           string
	}{
		{Endpoint{"fe01.contoso.com", 5061, TLS}, "fe01.contoso.com:5061", "fe01.contoso.com:5061 tls", `{"host":"fe01.contoso.com","port":5061,"transport":"tls"}`},
		{Endpoint{"10.0.0.5", 5060, TCP}, "10.0.0.5:5060", "10.0.0.5:5060 tcp", `{"host":"10.0.0.5","port":5060,"transport":"tcp"}`},
		{Endpoint{"2001:db8::5", 443, TLS}, "[2001:db8::5]:443", "[2001:db8::5]:443 tls", `{"host":"2001:db8::5","port":443,"transport":"tls"}`},
		{Endpoint{"fe01.contoso.com", 0, TLS}, "fe01.contoso.com", "fe01.contoso.com tls", `{"host":"fe01.contoso.com","transport":"tls"}`},
		{Endpoint{}, "", " tls", `{"transport":"tls"}`},
	} {
		if got := row.at.HostPort(); got != row.hostPort {
			t.Errorf("%+v: got %q, want %q", row.at, got, row.hostPort)
		}
		if got := row.at.String(); got != row.text {
			t.Errorf("%+v: got %q, want %q", row.at, got, row.text)
		}
		text, err := json.Marshal(row.at)
		if string(text) != row.json || err != nil {
			t.Errorf("%+v: got %s, %v, want %s", row.at, text, err, row.json)
		}
		var back Endpoint
		if err := json.Unmarshal(text, &back); back != row.at || err != nil {
			t.Errorf("%s: read as %+v, %v", text, back, err)
		}
	}
}

// Each part of an Endpoint is a part of what makes it the same as another.
func TestEndpointIsIdentity(t *testing.T) {
	at := Endpoint{"fe01.contoso.com", 5061, TLS}
	for _, other := range []Endpoint{{"fe02.contoso.com", 5061, TLS}, {"fe01.contoso.com", 443, TLS}, at.Over(TCP)} {
		if other == at || (map[Endpoint]bool{at: true})[other] {
			t.Errorf("%s is taken for %s", other, at)
		}
	}
	if at.Over(TCP).Over(TLS) != at {
		t.Errorf("%s over TCP and back is %s", at, at.Over(TCP).Over(TLS))
	}
}
