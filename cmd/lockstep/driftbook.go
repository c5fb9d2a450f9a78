package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/lockstep-sync/lockstep/bridge/journal"
	"github.com/lockstep-sync/lockstep/bridge/mapping"
)

// driftBook keeps what was said about shapes: in STATE what is still to be dealt
// with, so that a restart does not say it again, in the audit everything, and in
// memory the last news for status. It outlives the systems of one process.
type driftBook struct {
	journal *journal.Journal
	shapes  storedShapes
	log     zerolog.Logger

	mu    sync.Mutex
	news  []string
	since map[string]time.Time // by mapping with unsettled shapes
}

// driftNote is what STATE keeps of a mapping: what is unsettled, or, with
// Resumed, that its parked records are to be tried again.
type driftNote struct {
	Since   time.Time `json:"since"`
	News    []string  `json:"news,omitempty"` // told already
	State   string    `json:"state,omitempty"`
	Resumed bool      `json:"resumed,omitempty"`
}

const newsShown = 20

func newDriftBook(j *journal.Journal, log zerolog.Logger) *driftBook {
	return &driftBook{journal: j, shapes: storedShapes{j}, log: log, since: map[string]time.Time{}}
}

func driftKey(mapping string) string { return "drift." + mapping }

// enter puts a verdict on record: news once, in the audit before anything else
// rests on it, and what the mapping stands on from here. by is the person who
// accepted the shapes, "" for nobody.
func (b *driftBook) enter(ctx context.Context, v *verdict, by string) error {
	name := v.spec.Name
	var note driftNote
	had, err := loadJSON(ctx, b.journal, driftKey(name), &note)
	if err != nil {
		return err
	}
	open := had && !note.Resumed
	told := note.News
	if !open {
		told = nil
	}
	var texts []string
	for _, n := range v.news {
		if !slices.Contains(told, n) {
			texts = append(texts, n)
		}
	}
	b.keep(texts)
	now := time.Now().UTC()
	next := driftNote{Since: now, News: v.news, State: v.paused + v.attention()}
	if open {
		next.Since = note.Since
	}
	switch {
	case v.unsettled():
		if !open || next.State != note.State {
			texts = append(texts, next.State)
		}
	case open:
		texts = append(texts, resumedText(v, by))
		next = driftNote{Since: note.Since, Resumed: true}
	default:
		next = note
	}
	if err := b.audit(ctx, name, by, now, texts); err != nil {
		return err
	}
	if err := b.stand(ctx, v); err != nil {
		return err
	}
	b.mu.Lock()
	delete(b.since, name)
	if v.unsettled() {
		b.since[name] = next.Since
	}
	b.mu.Unlock()
	if !v.unsettled() && !open {
		return nil
	}
	return storeJSON(ctx, b.journal, driftKey(name), next)
}

func resumedText(v *verdict, by string) string {
	switch {
	case by != "":
		return "goes on with the shapes of now, accepted by " + by
	case v.changed:
		return "goes on with the shapes of now, for which the configuration was changed"
	case len(v.news) == 0:
		return "goes on: the shapes are again what they were"
	}
	return "goes on with the shapes of now"
}

// stand stores what the mapping stands on from here.
func (b *driftBook) stand(ctx context.Context, v *verdict) error {
	if !v.accept {
		return nil
	}
	left, right := v.spec.Left.String(), v.spec.Right.String()
	st := &standing{Ends: [2]string{left, right}, Spec: v.fingerprint}
	for side, s := range v.now {
		st.Shapes[side], st.Used[side] = s.shape, v.Columns(mapping.Side(side))
	}
	if err := b.shapes.accept(ctx, v.spec.Name, st); err != nil {
		return err
	}
	v.stood, v.news, v.breaking, v.accept = st, nil, nil, false
	return nil
}

func (b *driftBook) audit(ctx context.Context, mapping, by string, at time.Time, texts []string) error {
	entries := make([]journal.AuditEntry, len(texts))
	for i, text := range texts {
		b.log.Warn().Str("mapping", mapping).Msg(text)
		entries[i] = journal.AuditEntry{At: at, Mapping: mapping, Kind: "drift", By: by, Text: text}
	}
	if len(entries) == 0 {
		return nil
	}
	if err := b.journal.Audit(ctx, entries...); err != nil {
		return fmt.Errorf("mapping %s: %w", mapping, err)
	}
	return nil
}

// keep shows news in status; several mappings of an object tell the same.
func (b *driftBook) keep(texts []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	stamp := time.Now().UTC().Format(time.RFC3339)
	for _, text := range texts {
		if !slices.ContainsFunc(b.news, func(n string) bool { return strings.HasSuffix(n, " "+text) }) {
			b.news = append(b.news, stamp+" "+text)
		}
	}
	b.news = b.news[max(0, len(b.news)-newsShown):]
}

func (b *driftBook) notices() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.news)
}

// unsettledSince is when the mapping's shapes stopped fitting.
func (b *driftBook) unsettledSince(mapping string) (time.Time, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	at, ok := b.since[mapping]
	return at, ok
}
