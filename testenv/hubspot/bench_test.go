package hubspot

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// quiet makes a call and throws the answer away.
func quiet(b *testing.B, s *Server, method, path, body string, want int) {
	resp, err := send(s, method, path, body)
	if err != nil {
		b.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	if resp.StatusCode != want {
		b.Fatalf("status %d", resp.StatusCode)
	}
}

func BenchmarkPatch(b *testing.B) {
	s := start(b, Options{DailyLimit: -1})
	id := contact(b, s, "a@b.co")
	n := 0
	for b.Loop() {
		n++
		quiet(b, s, "PATCH", "/crm/v3/objects/contacts/"+id, fmt.Sprintf(`{"properties":{"city":"%d","phone":"1"}}`, n), 200)
	}
}

func BenchmarkBatchUpdateOf100WithWebhooks(b *testing.B) {
	s := start(b, Options{DailyLimit: -1})
	sink := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer sink.Close()
	var inputs []string
	for range 100 {
		id, err := s.Create("companies", nil)
		if err != nil {
			b.Fatal(err)
		}
		inputs = append(inputs, `{"id":"`+id+`","objectWriteTraceId":"`+id+`","properties":{"city":"%[1]d","phone":"%[1]d"}}`)
	}
	if err := s.SetWebhook(sink.URL); err != nil {
		b.Fatal(err)
	}
	body := `{"inputs":[` + strings.Join(inputs, ",") + `]}`
	n := 0
	for b.Loop() {
		n++
		quiet(b, s, "POST", "/crm/v3/objects/companies/batch/update", fmt.Sprintf(body, n), 200)
	}
	if err := s.WaitDelivered(deadline(b)); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(s.Webhooks().Delivered)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkPollOf100000 looks for what changed lately in a large account.
func BenchmarkPollOf100000(b *testing.B) {
	s := start(b, Options{DailyLimit: -1})
	for range 100_000 {
		if _, err := s.Create("companies", nil); err != nil {
			b.Fatal(err)
		}
	}
	body := fmt.Sprintf(`{"filterGroups":[{"filters":[{"propertyName":"hs_lastmodifieddate","operator":"GTE","value":"%d"}]}],"limit":200}`, s.clock()+1)
	for b.Loop() {
		quiet(b, s, "POST", "/crm/v3/objects/companies/search", body, 200)
	}
}
