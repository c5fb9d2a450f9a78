package bridge

import "sync"

// matchLocks makes sure that one record at a time, of either side, is being
// matched or created under one match value of a mapping (B4). Without it a row
// and a contact that appear at the same moment would each create the other.
type matchLocks struct {
	mu      sync.Mutex
	holders map[string]*matchLock
}

type matchLock struct {
	holder  *record
	waiting []*record
}

func lockName(mapping, value string) string { return mapping + "\x00" + value }

// acquire gives the lock to the record, or puts the record in line; it is then
// woken by granted when its turn has come.
func (l *matchLocks) acquire(name string, r *record) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.holders == nil {
		l.holders = map[string]*matchLock{}
	}
	lock := l.holders[name]
	if lock == nil {
		l.holders[name] = &matchLock{holder: r}
		return true
	}
	if lock.holder == r {
		return true
	}
	lock.waiting = append(lock.waiting, r)
	return false
}

// release hands the lock to the next in line and returns that record, which
// the caller has to wake; nil when nobody waits.
func (l *matchLocks) release(name string, r *record) *record {
	l.mu.Lock()
	defer l.mu.Unlock()
	lock := l.holders[name]
	if lock == nil || lock.holder != r {
		return nil
	}
	if len(lock.waiting) == 0 {
		delete(l.holders, name)
		return nil
	}
	lock.holder, lock.waiting = lock.waiting[0], lock.waiting[1:]
	return lock.holder
}
