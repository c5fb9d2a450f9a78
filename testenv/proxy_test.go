package testenv_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/testenv"
)

func TestProxy(t *testing.T) {
	t.Parallel()
	t.Run("it carries both directions", func(t *testing.T) {
		t.Parallel()
		p := proxy(t, echo(t))
		c := dial(t, p.Addr())
		say(t, c, "one")
		say(t, c, "two")
	})
	t.Run("it passes the end of one direction on and lets the other finish", func(t *testing.T) {
		t.Parallel()
		p := proxy(t, echo(t))
		c := dial(t, p.Addr())
		fmt.Fprintln(c, "last")
		if err := c.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(c); err != nil || string(got) != "last\n" {
			t.Errorf("after the half close: %q, %v", got, err)
		}
	})
	t.Run("a cut drops what stands and refuses what comes, until it is restored", func(t *testing.T) {
		t.Parallel()
		p := proxy(t, echo(t))
		c := dial(t, p.Addr())
		say(t, c, "before")
		p.Cut()
		if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read on a cut connection: %v, want its end", err)
		}
		if c, err := net.Dial("tcp", p.Addr()); err == nil {
			c.Close()
			t.Error("a cut proxy takes connections")
		}
		if err := p.Restore(); err != nil {
			t.Fatal(err)
		}
		say(t, dial(t, p.Addr()), "after")
	})
	t.Run("a pause holds bytes back, also those of new connections, and loses none", func(t *testing.T) {
		t.Parallel()
		p := proxy(t, echo(t))
		old := dial(t, p.Addr())
		say(t, old, "before")
		p.Pause()
		fresh := dial(t, p.Addr())
		for _, c := range []net.Conn{old, fresh} {
			fmt.Fprintln(c, "held")
			if err := c.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
				t.Fatal(err)
			}
			if n, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("read while paused: %d bytes, %v, want silence", n, err)
			}
		}
		p.Resume()
		for _, c := range []net.Conn{old, fresh} {
			hear(t, c, "held")
		}
	})
	t.Run("a cut ends a pause's silence for the client", func(t *testing.T) {
		t.Parallel()
		p := proxy(t, echo(t))
		c := dial(t, p.Addr())
		say(t, c, "before")
		p.Pause()
		fmt.Fprintln(c, "lost")
		p.Cut()
		if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read on a cut connection: %v, want its end", err)
		}
	})
	t.Run("it leads HTTP and any other URL through", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewServer(http.NotFoundHandler())
		t.Cleanup(server.Close)
		p := proxy(t, server.Listener.Addr().String())
		url, err := p.URL(server.URL + "/crm?limit=1")
		if err != nil {
			t.Fatal(err)
		}
		if want := "http://" + p.Addr() + "/crm?limit=1"; url != want {
			t.Errorf("URL = %s, want %s", url, want)
		}
		answer, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusNotFound {
			t.Errorf("status = %d, want 404", answer.StatusCode)
		}
	})
}

func proxy(t *testing.T, target string) *testenv.Proxy {
	t.Helper()
	p, err := testenv.NewProxy(target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// echo serves lines back and returns its address.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
			}()
		}
	}()
	return l.Addr().String()
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func say(t *testing.T, c net.Conn, line string) {
	t.Helper()
	fmt.Fprintln(c, line)
	hear(t, c, line)
}

func hear(t *testing.T, c net.Conn, want string) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	got, err := bufio.NewReader(c).ReadString('\n')
	if err != nil || got != want+"\n" {
		t.Fatalf("heard %q, %v, want %q", got, err, want)
	}
}
