package torture

import (
	"math/rand/v2"
	"slices"
	"sync"
)

// register is what the actors know of the records that there may be: by uid,
// with the id of the vendor's record as far as it was seen.
type register struct {
	mu   sync.Mutex
	uids []string
	ids  map[string]string // the vendor's, by uid
}

func newRegister() *register { return &register{ids: map[string]string{}} }

func (r *register) add(uid string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Contains(r.uids, uid) {
		r.uids = append(r.uids, uid)
	}
}

// drop forgets a record that somebody deleted.
func (r *register) drop(uid string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.Index(r.uids, uid); i >= 0 {
		r.uids[i] = r.uids[len(r.uids)-1]
		r.uids = r.uids[:len(r.uids)-1]
	}
}

func (r *register) size() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.uids)
}

// pick returns any uid; "" when there is none.
func (r *register) pick(chance *rand.Rand) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.uids) == 0 {
		return ""
	}
	return r.uids[chance.IntN(len(r.uids))]
}

// see notes which records the vendor has now.
func (r *register) see(ids map[string]string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ids = ids
}

func (r *register) id(uid string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ids[uid]
}
