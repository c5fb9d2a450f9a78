package hubspot

import (
	"sort"
	"strconv"
	"strings"
)

// maxVersions bounds the history of one property of one record, as the API
// shows it and, unless Options.Versions says otherwise, as it is kept.
const maxVersions = 20

// actor is who made a change: the app through the API, or a person.
type actor struct {
	source string // changeSource of events, sourceType of the history
	id     string // sourceId
	user   string // hs_updated_by_user_id
	person bool
}

// version is a property's value from a point in time on. "" means cleared.
type version struct {
	value string
	at    int64 // milliseconds
	by    *actor
}

// record is one object. It lives until it is purged: an archived record can be
// restored, one merged away points to its survivor.
type record struct {
	id         int64
	text       string // id in decimal
	fields     map[string][]version
	createdBy  *actor
	updatedBy  *actor
	createdAt  int64
	updatedAt  int64
	archived   bool
	archivedAt int64
	survivor   *record // where it was merged into
	swallowed  []int64 // ids merged into it
	links      links

	newer, older *record // neighbours in the table's order of modification
}

// live tells whether the API finds the record without archived=true.
func (r *record) live() bool { return !r.archived && r.survivor == nil }

// never is the cutoff that excludes no version.
const never = int64(1<<63 - 1)

// value returns a property's value, and whether it was ever set.
func (r *record) value(k *kind, name string) (string, bool) { return r.valueAt(k, name, never) }

// valueAt is value as it stood at a time, as far as the history reaches back.
func (r *record) valueAt(k *kind, name string, cutoff int64) (string, bool) {
	if versions, ok := r.fields[name]; ok {
		for i := len(versions) - 1; i >= 0; i-- {
			if versions[i].at <= cutoff {
				return versions[i].value, true
			}
		}
		return "", false
	}
	switch name {
	case "hs_object_id":
		return r.text, true
	case "createdate":
		return formatTime(r.createdAt), true
	case k.modified:
		return formatTime(r.updatedAtCutoff(cutoff)), true
	case "hs_object_source":
		return r.createdBy.source, true
	case "hs_object_source_id":
		return r.createdBy.id, true
	case "hs_updated_by_user_id":
		return r.updatedBy.user, r.updatedBy.user != ""
	case "hs_merged_object_ids":
		return joinIDs(r.swallowed), len(r.swallowed) > 0
	}
	return "", false
}

// updatedAtCutoff is the modification date as it stood at a time.
func (r *record) updatedAtCutoff(cutoff int64) int64 {
	if r.updatedAt <= cutoff {
		return r.updatedAt
	}
	latest := r.createdAt
	for _, versions := range r.fields {
		for _, v := range versions {
			if v.at <= cutoff && v.at > latest {
				latest = v.at
			}
		}
	}
	return latest
}

// current is the stored value, "" if cleared or never set.
func (r *record) current(name string) string {
	if versions := r.fields[name]; len(versions) > 0 {
		return versions[len(versions)-1].value
	}
	return ""
}

// set adds a version; of more than keep the oldest is forgotten.
func (r *record) set(name, value string, at int64, by *actor, keep int) {
	versions := r.fields[name]
	if len(versions) >= keep {
		copy(versions, versions[1:])
		versions = versions[:keep-1]
	}
	r.fields[name] = append(versions, version{value: value, at: at, by: by})
}

// set names of the record, sorted, that hold a value.
func (r *record) names(k *kind) []string {
	names := []string{"createdate", "hs_object_id", "hs_object_source", "hs_object_source_id", k.modified}
	if r.updatedBy.user != "" {
		names = append(names, "hs_updated_by_user_id")
	}
	if len(r.swallowed) > 0 {
		names = append(names, "hs_merged_object_ids")
	}
	for name := range r.fields {
		if r.current(name) != "" {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}

func joinIDs(ids []int64) string {
	parts := make([]string, len(ids))
	for i, id := range ids {
		parts[i] = strconv.FormatInt(id, 10)
	}
	return strings.Join(parts, ";")
}
