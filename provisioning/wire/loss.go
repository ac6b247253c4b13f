package wire

// Loss is what the kernel knows of packets that the way of a connection has lost, and goes on losing.
type Loss uint8

// The losses.
const (
	NoLoss             Loss = iota // none that is known
	Acknowledged                   // none: all that was sent was acknowledged, so it has arrived
	SentUnacknowledged             // what was sent is sent again and again, and never acknowledged
	ReceivedGap                    // later packets have come, and not the ones before them
	LargeLost                      // with small packets, another connection got through
)
