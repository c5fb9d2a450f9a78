package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/lockstep-sync/lockstep/bridge"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// asked is one request, with all that answers it.
type asked struct {
	*http.Request
	desk    desk
	archive archive
	resume  func(ctx context.Context, mapping, by string) error
}

// read takes the body in, strictly: a misspelt key must not widen an order.
func (q *asked) read(into any) error {
	d := json.NewDecoder(q.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return err
		}
		return fmt.Errorf("the body cannot be read: %w: %w", err, bridge.ErrInvalid)
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("the body goes on behind its JSON: %w", bridge.ErrInvalid)
	}
	return nil
}

// author checks the name of who gives an order: it goes to the audit.
func author(by string) error {
	switch {
	case strings.TrimSpace(by) == "":
		return fmt.Errorf(`say who gives the order, as "by": %w`, bridge.ErrInvalid)
	case len(by) > maxName || strings.ContainsFunc(by, unicode.IsControl):
		return fmt.Errorf(`"by" is no name of at most %d bytes: %w`, maxName, bridge.ErrInvalid)
	}
	return nil
}

// order gives one order, with a bound on how long it may take.
func (q *asked) order(f func(ctx context.Context) (bridge.Outcome, error)) (bridge.Outcome, error) {
	ctx, cancel := context.WithTimeout(q.Context(), patience)
	defer cancel()
	return f(ctx)
}

// ref is the record that a request names, if it does.
func (q *asked) ref() (bridge.RecordRef, error) {
	v := q.URL.Query()
	return refOf(v.Get("left"), v.Get("right"))
}

func refOf(left, right string) (ref bridge.RecordRef, err error) {
	if ref.Left, err = keyOf(left); err == nil {
		ref.Right, err = keyOf(right)
	}
	return ref, err
}

// oneOf checks that a record is named by exactly one of its keys.
func oneOf(ref bridge.RecordRef) error {
	if ref.Left.IsZero() == ref.Right.IsZero() {
		return fmt.Errorf("name the record by left or by right, one of them: %w", bridge.ErrInvalid)
	}
	return nil
}

// keyOf reads a key as people write it: 42, or ["eu","42"]; none of an empty text.
func keyOf(text string) (event.Key, error) {
	switch {
	case text == "":
		return "", nil
	case text[0] != '[':
		return event.KeyOf(text), nil
	}
	var parts []string
	if err := json.Unmarshal([]byte(text), &parts); err != nil || len(parts) == 0 {
		return "", fmt.Errorf(`%s is no key: write 42, or ["eu","42"] for a key of several columns, all as texts: %w`, text, bridge.ErrInvalid)
	}
	return event.KeyOf(parts...), nil
}

// limit is how many are wanted at most; 0 is all.
func (q *asked) limit() (int, error) {
	text := q.URL.Query().Get("limit")
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxLimit {
		return 0, fmt.Errorf("limit %q is no number from 1 to %d; without one, all come: %w", text, maxLimit, bridge.ErrInvalid)
	}
	return n, nil
}

// moment reads a time, or an age such as 24h; the zero time of an empty text.
func moment(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if age, err := time.ParseDuration(text); err == nil && age > 0 {
		return now.Add(-age), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04", "2006-01-02"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time: write 2026-01-31T15:04:05Z, 2026-01-31, or an age such as 24h: %w", text, bridge.ErrInvalid)
}
