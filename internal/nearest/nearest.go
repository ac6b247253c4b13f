// Package nearest finds the word that was probably meant.
package nearest

import "strings"

// Word returns the name that was probably meant, or "". Upper and lower case are the same to it.
func Word(typed string, names []string) string {
	best, limit := "", max(2, len(typed)/3)
	for _, name := range names {
		if d := distance(strings.ToLower(typed), strings.ToLower(name)); d <= limit {
			best, limit = name, d-1
		}
	}
	return best
}

// Slip says whether one word may be the other after a slip of the fingers: one or two letters are added, missing or exchanged, and at
// most one in four. Upper and lower case are the same to it.
func Slip(a, b string) bool {
	d := distance(strings.ToLower(a), strings.ToLower(b))
	return d > 0 && d <= min(2, len(a)/4, len(b)/4)
}

// distance is how many letters must be added, removed or exchanged to turn a into b (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
