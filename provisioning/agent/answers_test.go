package agent

import "testing"

// verifyAnswers: whatever a scenario is about, what the device answers to a Registrar of Lync is signed as it must be.
func (s *scenario) verifyAnswers(t *testing.T) {
	t.Helper()
	for _, e := range s.site.Log() {
		if e.What == "response" && e.Proof != "" && e.Proof != "signed" {
			t.Errorf("the Registrar finds fault with an answer: %s", e)
		}
	}
}
