package hubspot

import (
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
)

// Whatever goes wrong on the way, the events that arrive tell the final state:
// for each property the event with the highest id holds the value that stands.
func TestEventsTellTheFinalStateUnderLoad(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Seed: 11, RetrySchedule: quickRetries, Faults: Faults{
		DuplicateWebhooks: 0.2, ShuffleWebhooks: true, ApplyThenFailRate: 0.1, ErrorRate: 0.1,
	}})
	var posts atomic.Int64
	hook := receive(t, s, func(int) int {
		if posts.Add(1)%5 == 0 {
			return http.StatusBadGateway
		}
		return http.StatusOK
	})
	const writers, rounds = 8, 40
	var ids [writers]string
	for i := range ids {
		id, err := s.Create("companies", map[string]string{"name": "A", "city": "start"})
		if err != nil {
			t.Fatal(err)
		}
		ids[i] = id
	}
	var work sync.WaitGroup
	for w := range writers {
		work.Go(func() {
			for n := range rounds {
				id := ids[(w+n)%writers]
				if n%4 == 0 {
					if err := s.Edit("companies", id, map[string]string{"city": fmt.Sprint("person", w, n)}); err != nil {
						t.Error(err)
					}
					continue
				}
				resp, err := send(s, "PATCH", "/crm/v3/objects/companies/"+id, fmt.Sprintf(`{"properties":{"city":"app%d-%d","phone":"%d"}}`, w, n, n))
				if err == nil { // else the connection was cut on purpose
					_, _ = io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
			}
		})
	}
	work.Wait()

	type place struct {
		id       int64
		property string
	}
	last := map[place]hookEvent{}
	for _, e := range named(hook.events(t, s), "company.propertyChange") {
		at := place{e.ObjectID, e.PropertyName}
		if e.EventID > last[at].EventID {
			last[at] = e
		}
	}
	for _, rec := range s.Records("companies") {
		for _, name := range []string{"name", "city", "phone"} {
			e := last[place{number64(rec.ID), name}]
			if e.PropertyValue == nil || *e.PropertyValue != rec.Properties[name] {
				t.Errorf("%s of %s is %q, the last event was %+v", name, rec.ID, rec.Properties[name], e)
			}
		}
	}
	if w := s.Webhooks(); w.Dropped != 0 || w.Retried == 0 || w.Duplicated == 0 {
		t.Errorf("status %+v, want retries and duplicates and no drops", w)
	}
}
