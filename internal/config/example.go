package config

import (
	"fmt"
	"strings"
)

// Example is a file that says nothing but what is required, and explains the rest.
func Example() string {
	var b strings.Builder
	b.WriteString("# homeward.toml: configuration of homeward. Restart the daemon after a change.\n# A line that is commented out shows the default, or an example if there is no default.\n")
	for i := range keys {
		k := &keys[i]
		b.WriteString("\n")
		for line := range strings.SplitSeq(k.Doc, "\n") {
			fmt.Fprintf(&b, "# %s\n", line)
		}
		if k.Name != "sip_address" {
			b.WriteString("#")
		}
		fmt.Fprintf(&b, "%s = %s\n", k.Name, k.Sample())
	}
	return b.String()
}
