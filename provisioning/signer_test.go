package provisioning

import "testing"

func TestMend21UserAgentOfThisProgram(t *testing.T) {
	for want, p := range map[string]Policy{
		"homeward/devel":                {Version: "(devel)"},
		"homeward/1.2.3":                {Version: "1.2.3"},
		"OC/15.0.4420 (Microsoft Lync)": {Version: "1.2.3", UserAgent: "OC/15.0.4420 (Microsoft Lync)"},
	} {
		if got := (&signer{policy: p}).account(Candidate{}, nil).UserAgent; got != want {
			t.Errorf("User-Agent: %s, want %s", got, want)
		}
	}
}
