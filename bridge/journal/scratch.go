package journal

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"syscall"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/rs/zerolog"
)

// scratch is where the server stages a batch before it commits it. In the data
// directory that costs seven fsyncs (3 to 4 ms) beside the one that makes the
// batch durable; on a memory file system it costs none. Nothing acknowledged
// ever lives there: a batch is acknowledged when it is in the stream, fsynced.
//
// What staging on disk would add is atomicity across a power cut, which nobody
// here relies on: a batch that was cut leaves a prefix (see repair.go), and the
// caller, who never got its acknowledgement, appends the rest again.
type scratch struct {
	streams string // the server's folder of streams
	root    string // our folder on the memory file system; "" = staging stays in the data directory
	log     zerolog.Logger
}

func openScratch(o Options, log zerolog.Logger) *scratch {
	s := &scratch{streams: filepath.Join(o.Dir, server.JetStreamStoreDir, server.DEFAULT_GLOBAL_ACCOUNT, "streams"), log: log}
	base := o.Scratch
	switch {
	case base == "none":
		return s
	case base == "":
		if base = "/dev/shm"; !inMemory(base) {
			return s
		}
	}
	sum := sha256.Sum256([]byte(o.Dir))
	root := filepath.Join(base, "lockstep-"+hex.EncodeToString(sum[:8]))
	if err := ownFolder(root); err != nil {
		log.Warn().Err(err).Str("folder", root).Msg("no scratch folder: batches are staged in the data directory, which is slower")
		return s
	}
	s.root = root
	return s
}

// ownFolder makes sure that path is a folder only we can enter: /dev/shm is
// open to everybody, and somebody could have been there first.
func ownFolder(path string) error {
	if err := os.Mkdir(path, 0o700); err != nil && !os.IsExist(err) {
		return err
	}
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() || info.Mode().Perm() != 0o700 || int(st.Uid) != os.Getuid() {
		return &os.PathError{Op: "use", Path: path, Err: os.ErrPermission}
	}
	return nil
}

// link is the place where the server stages a stream's batches.
func (s *scratch) link(stream string) string {
	return filepath.Join(s.streams, stream, "batches")
}

// stage makes the server stage the stream's batches on the memory file system.
// Called while none is under way.
func (s *scratch) stage(stream string) {
	link := s.link(stream)
	if err := os.RemoveAll(link); err != nil {
		s.log.Warn().Err(err).Msg("clear staging folder")
	}
	if s.root == "" {
		return
	}
	target := filepath.Join(s.root, stream)
	err := os.RemoveAll(target)
	if err == nil {
		err = os.Mkdir(target, 0o700)
	}
	if err == nil {
		err = os.Symlink(target, link)
	}
	if err != nil {
		s.log.Warn().Err(err).Msg("batches are staged in the data directory, which is slower")
	}
}

// staged tells whether the stream's batches are staged in memory.
func (s *scratch) staged(stream string) bool {
	info, err := os.Lstat(s.link(stream))
	return s.root != "" && err == nil && info.Mode()&os.ModeSymlink != 0
}

// giveUp sends the stream's staging back to the data directory.
func (s *scratch) giveUp(stream string) {
	if err := os.RemoveAll(s.link(stream)); err != nil {
		s.log.Warn().Err(err).Msg("clear staging folder")
	}
}

// remove leaves nothing behind. A killed process leaves its staged batches to
// the next one, which finds them by the same name.
func (s *scratch) remove() {
	if s == nil || s.root == "" {
		return
	}
	for _, stream := range []string{streamChanges, streamState, streamAudit} {
		s.giveUp(stream)
	}
	if err := os.RemoveAll(s.root); err != nil {
		s.log.Warn().Err(err).Msg("remove scratch folder")
	}
}
