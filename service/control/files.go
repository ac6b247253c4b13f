package control

import "errors"

// dirMode lets the phone's SIP stack, under whatever user, read registrar.json.
const dirMode = 0o755

// claimMode keeps others out: whoever can open the file can hold its lock.
const claimMode = 0o600

// errHeld says that another process has the lock.
var errHeld = errors.New("the lock is held")

// socketMode lets the group of the daemon read; writing asks for more (peer credentials). (Our choice.)
const socketMode = 0o660
