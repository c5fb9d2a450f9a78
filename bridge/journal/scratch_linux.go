package journal

import "syscall"

const tmpfsMagic = 0x01021994

// inMemory tells whether path is a memory file system with room for staging.
func inMemory(path string) bool {
	var st syscall.Statfs_t
	if err := syscall.Statfs(path, &st); err != nil {
		return false
	}
	return int64(st.Type) == tmpfsMagic && uint64(st.Bavail)*uint64(st.Bsize) >= 32<<20
}
