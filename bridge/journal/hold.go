package journal

// Hold takes a data directory for this process without opening it, so that no
// other process runs on it meanwhile. It creates the directory when it is absent.
// The caller releases it.
func Hold(dir string) (release func() error, err error) {
	l, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	return l.release, nil
}
