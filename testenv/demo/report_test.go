package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/testenv"
	"github.com/lockstep-sync/lockstep/testenv/lockstep"
)

func TestWhatIsReported(t *testing.T) {
	t.Parallel()
	sleeper := func(t *testing.T) *lockstep.Instance {
		dir := t.TempDir()
		script := filepath.Join(dir, "lockstep")
		if err := os.WriteFile(script, []byte("#!/bin/sh\necho its last words\nexec sleep 600\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		l := &lockstep.Instance{Binary: script, Log: filepath.Join(dir, "log"), Listen: testenv.Loopback(1)}
		if err := l.Launch(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Kill() })
		return l
	}
	t.Run("a chapter ends at its first failure, and the next one is told", func(t *testing.T) {
		t.Parallel()
		var out bytes.Buffer
		r := &report{out: &out}
		st := &stage{lockstep: sleeper(t)}
		if err := testenv.Until(t.Context(), "the log", func() (bool, error) {
			text, err := os.ReadFile(st.lockstep.Log)
			return len(text) > 0, err
		}); err != nil {
			t.Fatal(err)
		}
		first := &chapter{ctx: t.Context(), stage: st, report: r}
		first.finds("one", func() (string, error) { return "1 write", nil })
		first.finds("two", func() (string, error) { return "", errors.New("it did not") })
		first.act(func() error { t.Error("an act after a failure was done"); return nil })
		first.sees("three", func() error { t.Error("a check after a failure was made"); return nil })
		second := &chapter{ctx: t.Context(), stage: st, report: r}
		second.act(func() error { return nil })
		second.sees("four", func() error { return nil })

		if code := r.verdict(); code != 1 {
			t.Errorf("exit code %d, want 1", code)
		}
		for _, want := range []string{"✓ one", "1 write\n", "✗ two\n      it did not\n", "its last words", "✓ four"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("the report lacks %q:\n%s", want, out.String())
			}
		}
		if want := "\ndemo: 2 passed, 1 failed\n"; !strings.HasSuffix(out.String(), want) {
			t.Errorf("the report ends with %q, want %q", out.String(), want)
		}
	})
	t.Run("a process that ends is not waited for", func(t *testing.T) {
		t.Parallel()
		st := &stage{lockstep: sleeper(t)}
		if err := st.lockstep.Kill(); err != nil {
			t.Fatal(err)
		}
		c := &chapter{ctx: t.Context(), stage: st, report: &report{out: &bytes.Buffer{}}}
		start := time.Now()
		err := c.wait(func() error { return errors.New("not yet") })
		if err == nil || !strings.Contains(err.Error(), "lockstep has ended") || time.Since(start) > patience/2 {
			t.Errorf("after %v: %v, want at once that lockstep has ended", time.Since(start), err)
		}
	})
	t.Run("nothing checked is a failure", func(t *testing.T) {
		t.Parallel()
		if code := (&report{out: &bytes.Buffer{}}).verdict(); code != 1 {
			t.Errorf("exit code %d, want 1", code)
		}
	})
	t.Run("nobody watches at the null device", func(t *testing.T) {
		t.Parallel()
		null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer null.Close()
		if isTerminal(null) {
			t.Error("the null device is taken for a terminal")
		}
	})
	t.Run("times are in milliseconds, long ones in seconds", func(t *testing.T) {
		t.Parallel()
		for d, want := range map[time.Duration]string{3400 * time.Microsecond: "3 ms", 2 * time.Second: "2000 ms", 12340 * time.Millisecond: "12.3 s"} {
			if got := duration(d); got != want {
				t.Errorf("%v is %q, want %q", d, got, want)
			}
		}
	})
}
