package journal

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// seal is the file journal.json: what has to be known of a data directory
// before a server may touch it. The server itself skips a stream that it cannot
// decrypt, with a line in its log; a fresh, empty stream would take its place.
type seal struct {
	Format int    `json:"format"`
	Salt   []byte `json:"salt,omitempty"` // with Proof: only an encrypted journal has them
	Proof  []byte `json:"proof,omitempty"`
	Ready  bool   `json:"ready"` // every stream was created once: a missing one is damage
}

const (
	sealName   = "journal.json"
	sealFormat = 1
	sealRounds = 200_000 // makes guessing a weak key from the proof no cheaper than it has to be
)

// Exists tells whether a directory holds a journal.
func Exists(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, sealName))
	return err == nil
}

func readSeal(dir string) (seal, error) {
	data, err := os.ReadFile(filepath.Join(dir, sealName))
	if errors.Is(err, os.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(dir, "jetstream")); err == nil {
			return seal{}, fmt.Errorf("there are streams but no %s: restore the whole directory from a backup, or start with an empty one", sealName)
		}
		return seal{}, nil
	}
	if err != nil {
		return seal{}, fmt.Errorf("read %s: %w", sealName, err)
	}
	var s seal
	if err := json.Unmarshal(data, &s); err != nil {
		return seal{}, fmt.Errorf("read %s: %w; restore it from a backup", sealName, err)
	}
	if s.Format != sealFormat {
		return seal{}, fmt.Errorf("%s has format %d, this program reads %d: use the program that wrote it", sealName, s.Format, sealFormat)
	}
	return s, nil
}

func newSeal(dir, key string) (seal, error) {
	s := seal{Format: sealFormat}
	if key != "" {
		s.Salt = make([]byte, 16)
		rand.Read(s.Salt)
		proof, err := prove(key, s.Salt)
		if err != nil {
			return seal{}, err
		}
		s.Proof = proof
	}
	return s, s.write(dir)
}

func (s seal) isZero() bool { return s.Format == 0 }

// check compares the key with the one the directory was created with.
func (s seal) check(dir, key string) error {
	switch {
	case s.isZero():
		return nil
	case len(s.Proof) == 0 && key != "":
		return fmt.Errorf("an encryption key is set, but this data directory was created without one; remove the key, or start with an empty directory")
	case len(s.Proof) == 0:
		return nil
	case key == "":
		return fmt.Errorf("this data directory is encrypted; set the encryption key that it was created with")
	}
	proof, err := prove(key, s.Salt)
	if err != nil {
		return err
	}
	if !hmac.Equal(proof, s.Proof) {
		return fmt.Errorf("the encryption key is not the one that this data directory was created with; set that one")
	}
	return nil
}

func prove(key string, salt []byte) ([]byte, error) {
	derived, err := pbkdf2.Key(sha256.New, key, salt, sealRounds, 32)
	if err != nil {
		return nil, fmt.Errorf("derive from encryption key: %w", err)
	}
	mac := hmac.New(sha256.New, derived)
	mac.Write([]byte("lockstep journal"))
	return mac.Sum(nil), nil
}

// write replaces the file so that after a power cut the old or the new one is
// there, whole.
func (s seal) write(dir string) error {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	name := filepath.Join(dir, sealName)
	f, err := os.OpenFile(name+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("write %s: %w", sealName, err)
	}
	_, err = f.Write(append(data, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", sealName, err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		return fmt.Errorf("write %s: %w", sealName, err)
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
