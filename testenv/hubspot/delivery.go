package hubspot

import (
	"bytes"
	"container/heap"
	"context"
	"io"
	"net/http"
	"strconv"
	"time"
)

// batch is the content of one POST, and stays together through its retries.
type batch struct {
	events  []event
	attempt int
	due     time.Time // zero in the ready queue
	fresh   bool      // delayed events that were not sent yet: they join the queue
}

// deliver posts a batch and books the outcome.
func (w *webhooks) deliver(ctx context.Context, target string, b *batch) {
	ok := w.post(ctx, target, b)
	w.mu.Lock()
	w.posting--
	n := int64(len(b.events))
	switch {
	case ok:
		w.status.Pending -= n
		w.status.Delivered += n
	case b.attempt >= len(w.schedule) || w.status.URL == "":
		w.status.Pending -= n
		w.status.Dropped += n
	default:
		pause := w.schedule[b.attempt]
		pause += time.Duration(w.dice.below(int64(pause)/10 + 1)) // the vendor spreads retries too
		b.attempt++
		b.due = time.Now().Add(pause)
		heap.Push(&w.waiting, b)
	}
	w.mu.Unlock()
	w.signal()
	w.changed()
}

// post sends one signed array and tells whether it was taken.
func (w *webhooks) post(ctx context.Context, target string, b *batch) bool {
	body := make([]byte, 0, 300*len(b.events))
	body = append(body, '[')
	for i := range b.events {
		if i > 0 {
			body = append(body, ',')
		}
		body = b.events[i].append(body, w.from, b.attempt)
	}
	body = append(body, ']')
	ctx, cancel := context.WithTimeout(ctx, w.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return false
	}
	now := w.clock()
	req.Header.Set("Content-Type", "application/json;charset=utf-8")
	req.Header.Set("User-Agent", "HubSpot Connect 2.0 (simulated)")
	req.Header.Set("X-HubSpot-Signature", SignV1(w.secret, body))
	req.Header.Set("X-HubSpot-Signature-Version", "v1")
	req.Header.Set("X-HubSpot-Signature-v3", Sign(w.secret, http.MethodPost, target, body, now))
	req.Header.Set("X-HubSpot-Request-Timestamp", strconv.FormatInt(now, 10))
	resp, err := w.client.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // only to use the connection again
	return resp.StatusCode >= 200 && resp.StatusCode < 300
}

// batches is a heap by due time.
type batches []*batch

func (b batches) Len() int           { return len(b) }
func (b batches) Less(i, j int) bool { return b[i].due.Before(b[j].due) }
func (b batches) Swap(i, j int)      { b[i], b[j] = b[j], b[i] }
func (b *batches) Push(x any)        { *b = append(*b, x.(*batch)) }

func (b *batches) Pop() any {
	old := *b
	last := old[len(old)-1]
	old[len(old)-1] = nil
	*b = old[:len(old)-1]
	return last
}
