package journal

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

// getRequest asks for one stored message. The server answers it from the
// stream's own memory and files, without a consumer.
type getRequest struct {
	Seq      uint64     `json:"seq,omitempty"`
	Last     string     `json:"last_by_subj,omitempty"`
	Next     string     `json:"next_by_subj,omitempty"`
	From     *time.Time `json:"start_time,omitempty"`
	Batch    int        `json:"batch,omitempty"`
	MaxBytes int        `json:"max_bytes,omitempty"`
}

// get returns the message asked for, nil when there is none.
func (j *Journal) get(ctx context.Context, stream string, req getRequest) (*nats.Msg, error) {
	data, err := json.Marshal(req)
	if err != nil {
		return nil, err
	}
	return j.ask(ctx, "$JS.API.DIRECT.GET."+stream, data)
}

func (j *Journal) ask(ctx context.Context, subject string, data []byte) (*nats.Msg, error) {
	bounded, cancel := j.bound(ctx)
	defer cancel()
	m, err := j.gets.RequestWithContext(bounded, subject, data)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, j.explain(fmt.Errorf("read journal: %w", err))
	}
	switch status := m.Header.Get("Status"); status {
	case "":
		return m, nil
	case "404":
		return nil, nil
	default:
		return nil, fmt.Errorf("read journal: status %s %s", status, m.Header.Get("Description"))
	}
}
