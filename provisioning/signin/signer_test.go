package signin

import (
	"testing"

	"github.com/homeward-agent/homeward/provisioning"
)

func TestMend21UserAgentOfThisProgram(t *testing.T) {
	for want, p := range map[string]provisioning.Policy{
		"homeward/devel":                {Version: "(devel)"},
		"homeward/1.2.3":                {Version: "1.2.3"},
		"OC/15.0.4420 (Microsoft Lync)": {Version: "1.2.3", UserAgent: "OC/15.0.4420 (Microsoft Lync)"},
	} {
		if got := (&Signer{policy: p}).account(provisioning.Candidate{}, nil).UserAgent; got != want {
			t.Errorf("User-Agent: %s, want %s", got, want)
		}
	}
}
