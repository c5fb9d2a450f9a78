// Command tally reads the output of "go test -json" and prints what a person
// wants to see of it: a line per package, the output of what failed, and at the
// end the number of tests, alone on a line. It exits with 1 when one failed.
package main

import (
	"fmt"
	"os"
)

func main() {
	t := newTally(os.Stdout)
	if err := t.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "tally:", err)
		t.failed++
	}
	if t.failed == 0 && t.passed == 0 {
		fmt.Println("no test ran")
		t.failed++
	}
	t.close()
	if t.failed > 0 {
		os.Exit(1)
	}
}
