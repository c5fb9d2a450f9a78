package ddl

import "strings"

// near finds the name that somebody who wrote name may have meant, "" when none
// is close.
func near(name string, known []string) string {
	best, least := "", len(name)/3+2
	for _, k := range known {
		if d := distance(strings.ToLower(name), strings.ToLower(k)); d < least {
			best, least = k, d
		}
	}
	return best
}

// distance is Levenshtein's, in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}

// didYouMean is a remedy for an unknown name.
func didYouMean(name string, known []string) string {
	if n := near(name, known); n != "" {
		return "did you mean " + n + "?"
	}
	const most = 12
	if len(known) > most {
		known = known[:most]
	}
	return "known are " + strings.Join(known, ", ")
}
