package fleet

import (
	"errors"
	"fmt"
	"strings"
)

// Root is where all topics begin, with the version of what is below.
const Root = "homeward/v1"

// The topics of a device: homeward/v1/SITE/DEVICE/…
const (
	PresenceTopic = "presence" // retained; also the last will
	StateTopic    = "state"    // retained
	EventTopic    = "event"
)

// maxName is our choice: bytes of a site or device. An X.509 common name has at most 64 characters.
const maxName = 64

// Name is a device, by the names that its topics have.
type Name struct{ Site, Device string }

// String is SITE/DEVICE.
func (n Name) String() string { return n.Site + "/" + n.Device }

// topic is the topic of a kind of messages of a device.
func (n Name) topic(kind string) string { return Root + "/" + n.Site + "/" + n.Device + "/" + kind }

// ParseTopic takes a topic of a device apart. ok is false for any other.
func ParseTopic(topic string) (n Name, kind string, ok bool) {
	rest, ok := strings.CutPrefix(topic, Root+"/")
	site, rest, _ := strings.Cut(rest, "/")
	device, kind, _ := strings.Cut(rest, "/")
	if !ok || CheckName(site) != nil || CheckName(device) != nil || kind == "" || strings.Contains(kind, "/") {
		return Name{}, "", false
	}
	return Name{site, device}, kind, true
}

// CheckName says what is wrong with the name of a site or device: it is one level of a topic, of printable ASCII without blanks.
func CheckName(name string) error {
	switch {
	case name == "":
		return errors.New("it is empty")
	case len(name) > maxName:
		return fmt.Errorf("it is longer than %d characters", maxName)
	}
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c > '~' || strings.IndexByte(`/+#$"\`, c) >= 0 {
			return fmt.Errorf("%q: only letters, digits and .-_@: can be used", name)
		}
	}
	return nil
}
