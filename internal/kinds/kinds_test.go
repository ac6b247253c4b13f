package kinds

import (
	"slices"
	"testing"
)

func TestAll(t *testing.T) {
	type kind uint8
	for _, test := range []struct {
		first, last kind
		want        []kind
	}{{0, 2, []kind{0, 1, 2}}, {1, 1, []kind{1}}, {254, 255, []kind{254, 255}}} {
		if got := All(test.first, test.last); !slices.Equal(got, test.want) {
			t.Errorf("from %d to %d: %v", test.first, test.last, got)
		}
	}
}
