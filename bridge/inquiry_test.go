package bridge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// asked is a side that answers questions as a test decides.
type asked struct {
	Side
	answer func(field string, values []string) ([]event.Snapshot, error)

	mu    sync.Mutex
	calls [][]string
}

func (a *asked) Read(_ context.Context, _ string, keys []event.Key, _ []string) ([]event.Snapshot, error) {
	var ids []string
	for _, k := range keys {
		ids = append(ids, k.ID())
	}
	return a.Lookup(context.Background(), "", "", ids, nil)
}

func (a *asked) Lookup(_ context.Context, _, field string, values []string, _ []string) ([]event.Snapshot, error) {
	a.mu.Lock()
	a.calls = append(a.calls, values)
	a.mu.Unlock()
	return a.answer(field, values)
}

func (a *asked) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.calls)
}

type reply struct {
	found []event.Snapshot
	fault *event.Fault
}

// inquire asks all questions at once and returns the answers in their order.
func inquire(t *testing.T, side Side, questions ...question) []reply {
	t.Helper()
	q := newInquiries(side, newHealth("crm", time.Now), time.Now)
	replies := make([]chan reply, len(questions))
	for i := range questions {
		replies[i] = make(chan reply, 2)
		questions[i].answer = func(found []event.Snapshot, fault *event.Fault) { replies[i] <- reply{found, fault} }
		q.ask(questions[i])
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- q.Run(ctx) }()
	out := make([]reply, len(questions))
	for i, c := range replies {
		select {
		case out[i] = <-c:
		case <-time.After(patience):
			t.Fatalf("question %d is not answered", i)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Run = %v", err)
	}
	for i, c := range replies {
		if len(c) > 0 {
			t.Errorf("question %d is answered twice", i)
		}
	}
	return out
}

func echo(_ string, values []string) (out []event.Snapshot, err error) {
	for _, v := range values {
		out = append(out, event.Snapshot{Key: event.KeyOf(v), Asked: event.KeyOf(v)})
	}
	return out, nil
}

func keys(r reply) (ids []string) {
	for _, s := range r.found {
		ids = append(ids, s.Key.ID())
	}
	return ids
}

func TestInquiries(t *testing.T) {
	t.Parallel()
	t.Run("many questions are one call, and each gets its own answer", func(t *testing.T) {
		t.Parallel()
		side := &asked{answer: echo}
		var questions []question
		for i := range 2*questionsPerCall + 50 {
			questions = append(questions, question{object: "contact", key: event.KeyOf(fmt.Sprint(i)), fields: []string{"mail"}})
		}
		for i, r := range inquire(t, side, questions...) {
			if got := keys(r); !slices.Equal(got, []string{fmt.Sprint(i)}) || r.fault != nil {
				t.Fatalf("answer %d = %v, %v", i, got, r.fault)
			}
		}
		if got := side.count(); got != 3 {
			t.Errorf("calls = %d, want 3", got)
		}
	})
	t.Run("questions of another kind are another call", func(t *testing.T) {
		t.Parallel()
		side := &asked{answer: echo}
		inquire(t, side, question{object: "contact", key: event.KeyOf("1"), fields: []string{"mail"}}, question{object: "company", key: event.KeyOf("2"), fields: []string{"mail"}},
			question{object: "contact", key: event.KeyOf("3"), fields: []string{"title"}}, question{object: "contact", field: "mail", value: "4", fields: []string{"mail"}},
			question{object: "contact", key: event.KeyOf("5"), fields: []string{"mail"}})
		side.mu.Lock()
		defer side.mu.Unlock()
		if got, want := fmt.Sprint(side.calls), "[[1 5] [2] [3] [4]]"; got != want {
			t.Errorf("calls = %s, want %s", got, want)
		}
	})
	t.Run("answers find their questions by what was asked", func(t *testing.T) {
		t.Parallel()
		side := &asked{answer: func(field string, values []string) ([]event.Snapshot, error) {
			if field == "" { // 1 was merged into 2, 3 does not exist
				return []event.Snapshot{{Key: event.KeyOf("2"), Asked: event.KeyOf("1")}}, nil
			}
			return []event.Snapshot{{Key: event.KeyOf("7"), Asked: event.KeyOf("Ada@x")}, {Key: event.KeyOf("8"), Asked: event.KeyOf("Ada@x")}, {Key: event.KeyOf("9"), Asked: event.KeyOf("bob@x")}}, nil
		}}
		replies := inquire(t, side, question{key: event.KeyOf("1")}, question{key: event.KeyOf("3")}, question{field: "mail", value: "Ada@x"}, question{field: "mail", value: "bob@x"}, question{field: "mail", value: "ada@x"})
		for i, want := range []string{"[2]", "[]", "[7 8]", "[9]", "[]"} {
			if got := fmt.Sprint(keys(replies[i])); got != want || replies[i].fault != nil {
				t.Errorf("answer %d = %s, %v, want %s", i, got, replies[i].fault, want)
			}
		}
	})
	t.Run("a failure that may pass is tried again, and the question answered once", func(t *testing.T) {
		t.Parallel()
		failures := []error{&event.Fault{Class: event.Transient, Message: "reset"}, errors.New("no fault at all"), &event.Fault{Class: event.Throttled, Message: "slow down", RetryAfter: time.Millisecond}}
		side := &asked{}
		side.answer = func(_ string, values []string) ([]event.Snapshot, error) {
			if n := side.count(); n <= len(failures) {
				return nil, failures[n-1]
			}
			return echo("", values)
		}
		replies := inquire(t, side, question{key: event.KeyOf("1")}, question{key: event.KeyOf("2")})
		if got := fmt.Sprint(keys(replies[0]), keys(replies[1])); got != "[1] [2]" {
			t.Errorf("answers = %s, want [1] [2]", got)
		}
		if got := side.count(); got != len(failures)+1 {
			t.Errorf("calls = %d, want %d", got, len(failures)+1)
		}
	})
	t.Run("a question that is rejected is answered so, and its neighbours are not", func(t *testing.T) {
		t.Parallel()
		side := &asked{answer: func(_ string, values []string) ([]event.Snapshot, error) {
			if slices.Contains(values, "bad") {
				return nil, &event.Fault{Class: event.Rejected, Message: "no such thing as bad"}
			}
			return echo("", values)
		}}
		replies := inquire(t, side, question{key: event.KeyOf("1")}, question{key: event.KeyOf("bad")}, question{key: event.KeyOf("2")})
		if f := replies[1].fault; f == nil || f.Class != event.Rejected || !strings.Contains(f.Message, "bad") {
			t.Errorf("fault = %v, want the side's", f)
		}
		for _, i := range []int{0, 2} { // B5
			if got := keys(replies[i]); len(got) != 1 || replies[i].fault != nil {
				t.Errorf("the neighbour's answer = %v, %v, want its record", got, replies[i].fault)
			}
		}
	})
	t.Run("a question that is open when the work ends stays unanswered", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(context.Background())
		side := &asked{answer: func(string, []string) ([]event.Snapshot, error) {
			cancel()
			return nil, &event.Fault{Class: event.Transient, Message: "context canceled"}
		}}
		q := newInquiries(side, newHealth("crm", time.Now), time.Now)
		q.ask(question{key: event.KeyOf("1"), answer: func([]event.Snapshot, *event.Fault) { t.Error("it is answered") }})
		if err := q.Run(ctx); err != nil {
			t.Errorf("Run = %v", err)
		}
	})
}
