package main

import (
	"errors"
	goflag "flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/bridge"
	"github.com/lockstep-sync/lockstep/bridge/journal"
)

var update = goflag.Bool("update", false, "write what the commands print to testdata/cli")

// TestTheCommandsPrint plays testdata/cli/*.txt: each line that begins with $ is
// a command, and what follows is what it asks of the desk (>), prints, and exits
// with. --data and --listen are added to each.
func TestTheCommandsPrint(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/cli/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := play(t, string(want))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// play runs a transcript's commands and returns it as it should read.
func play(t *testing.T, transcript string) string {
	t.Helper()
	d := talkative()
	srv, _ := d.serve(t)
	addr, dir := strings.TrimPrefix(srv.URL, "http://"), t.TempDir()
	if err := writeToken(filepath.Join(dir, tokenFile), testToken); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for line := range strings.Lines(transcript) {
		command, isCommand := strings.CutPrefix(line, "$ lockstep ")
		if !isCommand {
			if strings.HasPrefix(line, "#") {
				b.WriteString(line)
			}
			continue
		}
		b.WriteString(line)
		var out, errs strings.Builder
		code := execute(t.Context(), append(words(command), "--data", dir, "--listen", addr), &out, &errs)
		calls := d.told()
		slices.Sort(calls) // those about many are given at once
		for _, call := range calls {
			fmt.Fprintln(&b, ">", call)
		}
		for printed := range strings.Lines(out.String() + errs.String()) {
			fmt.Fprintln(&b, strings.TrimRight(strings.ReplaceAll(printed, addr, "ADDR"), " \n"))
		}
		fmt.Fprintf(&b, "exit %d\n\n", code)
	}
	return b.String()
}

// words splits a line as a shell does, as far as the transcripts need it.
func words(line string) (out []string) {
	quote, word, inside := rune(0), "", false
	for _, r := range strings.TrimSpace(line) + " " {
		switch {
		case quote == 0 && r == ' ':
			if inside {
				out = append(out, word)
			}
			word, inside = "", false
		case quote == 0 && (r == '\'' || r == '"'):
			quote, inside = r, true
		case r == quote:
			quote = 0
		default:
			word, inside = word+string(r), true
		}
	}
	return out
}

// talkative is twoWaiting with a history, and with texts that would act on a
// terminal.
func talkative() *fakeDesk {
	d := twoWaiting()
	at := time.Date(2026, 1, 31, 15, 4, 5, 120_000_000, time.UTC)
	d.reviews = append(d.reviews, bridge.Review{ID: "deals.fuse-right.c", Mapping: "deals", Kind: "fuse", Message: "more than 500 deletions", Since: at, Choices: []string{"confirm", "reject"}, Held: 512})
	d.reviews[0].RightValue = "\x1b[2Jgone\u202etxt"
	d.entries = []journal.AuditEntry{
		{At: at, Mapping: "contacts", Key: `["1"]`, Kind: "created", Left: `["1"]`, Right: `["901"]`, Winner: "left", Source: "app", Text: "created on the right side",
			Values: []journal.AuditValue{{Field: "email=email", Left: "ada@example.com", Right: "ada@example.com"}, {Field: "phone=phone", Left: "•••", Right: "•••"}}},
		{At: at.Add(time.Second), Mapping: "contacts", Key: `["1"]`, Kind: "conflict", Field: "name=name", Rule: "newest", Winner: "right", Left: "Ada", Right: "Ada, Countess of Lovelace and of some other places", Text: "edited on\nboth sides"},
		{At: at.Add(2 * time.Second), Mapping: "contacts", Key: `["1"]`, Kind: "chosen", Field: "phone=phone", Winner: "left", By: "ann", Text: "ann chose left"},
		{At: at.Add(3 * time.Second), Mapping: "contacts", Key: `["eu","2"]`, Kind: "parked", Left: `["eu","2"]`, Right: `["902"]`, Text: "phone: not a number"},
	}
	d.resumes = fmt.Errorf("mapping contacts goes on already: %w", bridge.ErrInvalid)
	return d
}

func TestTheAuditSaysThatNobodyAnswers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	srv, _ := twoWaiting().serve(t)
	addr := strings.TrimPrefix(srv.URL, "http://")
	srv.Close()
	var out, errs strings.Builder
	args := []string{"audit", "--data", dir, "--listen", addr, "--config", filepath.Join(dir, "none.yaml")}
	if code := execute(t.Context(), args, &out, &errs); code != exitFailed || !strings.Contains(errs.String(), "nobody answers") || !strings.Contains(errs.String(), "none.yaml") {
		t.Errorf("got exit code %d, %s%s, want both reasons", code, &out, &errs)
	}
}

func TestACutAuditIsNotTakenForAWholeOne(t *testing.T) {
	t.Parallel()
	d := talkative()
	d.broken = errors.New("the disk is gone")
	srv, _ := d.serve(t)
	dir := t.TempDir()
	if err := writeToken(filepath.Join(dir, tokenFile), testToken); err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{"--json", "--json=false"} {
		var out, errs strings.Builder
		code := execute(t.Context(), []string{"audit", form, "--data", dir, "--listen", strings.TrimPrefix(srv.URL, "http://")}, &out, &errs)
		if code != exitFailed || !strings.Contains(errs.String(), "the disk is gone") || !strings.Contains(out.String(), "ann chose left") {
			t.Errorf("%s: got exit code %d\n%s%s\nwant what came, and the reason", form, code, &out, &errs)
		}
	}
}
