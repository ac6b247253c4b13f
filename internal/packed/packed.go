// Package packed unpacks the texts that the program carries packed, since its size is limited (ADR 66, 67). make generate packs them,
// and golden.Packed compares them with what is written.
//
//	//go:embed page.html.gz
//	var page string
//
//	packed.Text(page)
package packed

import (
	"compress/gzip"
	"io"
	"strings"
)

// Text returns what was packed, or "" when nothing was.
func Text(packed string) string {
	r, err := gzip.NewReader(strings.NewReader(packed))
	if err != nil {
		return "" // a test compares
	}
	all, _ := io.ReadAll(r)
	return string(all)
}
