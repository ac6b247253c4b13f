package agent

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"homeward/provisioning"
)

// A cable with a loose contact: a thousand times in 100 s the device loses its address and has it again. The Registrar
// hears of it a few times, and the device is registered soon after the end.
func TestFlappingNetworkCausesFewRegisters(t *testing.T) {
	var b strings.Builder
	b.WriteString(`
-- zone --
_sipinternaltls._tcp SRV 0 0 5061 fe01
fe01 A 10.0.0.5
-- dhcp --
10.0.0.67 ack
-- registrars --
10.0.0.5:5061 tls fe01.contoso.com accept
-- script --
see REGISTER
run 3m
-- change --
`)
	for i := range 1000 {
		at := 10*time.Second + time.Duration(i)*100*time.Millisecond
		fmt.Fprintf(&b, "+%v network down\n+%v network 10.0.0.21\n", at, at+50*time.Millisecond)
	}
	s := playScenario(t, txtar.Parse([]byte(b.String())), "flaps.txtar")
	// One for each hold-off that ends, and two of the rests in between, are what restraint allows.
	if n := strings.Count(s.seen(), "REGISTER"); n > 10 {
		t.Errorf("%d REGISTERs:\n%s", n, &s.timeline)
	}
	if s.last.State != provisioning.Registered || s.last.Degraded {
		t.Errorf("in the end it is %s, degraded %t:\n%s", s.last.State, s.last.Degraded, &s.timeline)
	}
}
