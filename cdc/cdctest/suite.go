package cdctest

import "testing"

// Run runs the suite. The subtests run in parallel with each other, except for
// the first, which measures memory.
func Run(t *testing.T, h Harness) {
	t.Run("memory stays flat in a transaction of 100,000 rows", func(t *testing.T) { flatMemory(t, h) })
	for name, test := range map[string]func(*testing.T, Harness){
		"inserts, updates, NULLs and deletes arrive with their key": rows,
		"types are exact":                               types,
		"a changed key arrives with the old one":        keyChange,
		"rows of a transaction keep their order":        order,
		"TRUNCATE arrives for each table":               truncate,
		"names need no manners":                         names,
		"columns come, go and change while it runs":     shapes,
		"unneeded columns and tables stay behind":       needed,
		"our own writes carry their origin":             origins,
		"one change is encoded for several mappings":    severalMappings,
		"nothing repeats or is missing after a kill":    kills,
		"an append that half happened is not repeated":  halfAppends,
		"a full disk confirms nothing and goes on":      fullDisk,
		"a router that fails stops the stream":          routerFails,
		"a cut connection is made again":                cuts,
		"a silent network is given up":                  silence,
		"a restarted server goes on":                    restarts,
		"an idle publication holds no log":              idle,
		"changes that nobody takes are confirmed":       untaken,
		"a second pump waits for the slot of the first": taken,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, h)
		})
	}
}
