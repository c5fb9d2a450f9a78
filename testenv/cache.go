package testenv

import (
	"fmt"
	"os"
	"path/filepath"
)

// CacheDir is where downloaded servers and prepared data directories are kept
// between runs: $LOCKSTEP_CACHE, else lockstep in the user's cache directory.
// For root it is /var/cache/lockstep, because the users that servers run as
// cannot pass through root's home.
func CacheDir() (string, error) {
	dir := os.Getenv("LOCKSTEP_CACHE")
	switch {
	case dir != "":
	case os.Geteuid() == 0:
		dir = "/var/cache/lockstep"
	default:
		user, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("find cache directory: %w; set LOCKSTEP_CACHE", err)
		}
		dir = filepath.Join(user, "lockstep")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find cache directory: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("create cache directory: %w; set LOCKSTEP_CACHE to a directory that can be written", err)
	}
	return dir, nil
}
