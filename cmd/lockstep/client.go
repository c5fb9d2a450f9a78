package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-sync/lockstep/schemas/config"
)

// client asks the running process, as the commands do that give orders.
type client struct {
	settings
	tokenFile string
	by        string
}

func (c *client) flags(cmd *cobra.Command, orders bool) {
	c.settings.flags(cmd, true)
	cmd.Flags().StringVar(&c.tokenFile, "token-file", "", "the `FILE` with the API's token (default: "+tokenFile+" in the data directory)")
	if orders {
		cmd.Flags().StringVar(&c.by, "by", os.Getenv("USER"), "who gives the order: it goes to the audit")
	}
}

// find settles where the process answers and what its token is.
func (c *client) find(cmd *cobra.Command) (addr, token string, err error) {
	addr, data := c.listen, c.data
	if addr == "" || data == "" && c.tokenFile == "" {
		cfg, err := c.load()
		switch {
		case err == nil:
			addr, data = cfg.Listen, cfg.Data
		case cmd.Flags().Changed("config"):
			return "", "", err
		}
	}
	if addr == "" {
		addr = config.DefaultListen
	}
	path := c.tokenFile
	if path == "" {
		if data == "" {
			data = config.DefaultData
		}
		path = filepath.Join(data, tokenFile)
	}
	token, err = readToken(path)
	if err != nil {
		return "", "", failed(fmt.Errorf("%w: is --data the data directory of the running process?", err))
	}
	return addr, token, nil
}

// ask makes one request and reads its answer into out, which may be nil.
func (c *client) ask(cmd *cobra.Command, method, path string, query url.Values, body, out any) error {
	data, err := c.raw(cmd, method, path, query, body)
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(data, out); err != nil {
		return failed(fmt.Errorf("what answers is not lockstep: %w", err))
	}
	return nil
}

func (c *client) raw(cmd *cobra.Command, method, path string, query url.Values, body any) ([]byte, error) {
	addr, token, err := c.find(cmd)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), 5*time.Minute)
	defer cancel()
	var send io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return nil, failed(err)
		}
		send = bytes.NewReader(data)
	}
	target := url.URL{Scheme: "http", Host: addr, Path: path, RawQuery: query.Encode()}
	req, err := http.NewRequestWithContext(ctx, method, target.String(), send)
	if err != nil {
		return nil, failed(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, failed(fmt.Errorf("nobody answers on %s: %w: is lockstep running, and is --listen the same?", addr, err))
	}
	defer res.Body.Close()
	data, err := io.ReadAll(io.LimitReader(res.Body, 256<<20))
	if err != nil {
		return nil, failed(fmt.Errorf("the answer is cut: %w", err))
	}
	if res.StatusCode == http.StatusOK {
		return data, nil
	}
	return nil, refused(res.StatusCode, res.Status, data)
}

// refused is an answer that is no success, as an error with its exit code.
func refused(status int, text string, data []byte) error {
	var p apiProblem
	if json.Unmarshal(data, &p) != nil || p.Error == "" {
		p.Error = text
	}
	err := errors.New("lockstep: " + p.Error)
	if p.Remedy != "" {
		err = fmt.Errorf("%w: %s", err, p.Remedy)
	}
	if status >= http.StatusInternalServerError {
		return &exitError{exitFailed, err}
	}
	return &exitError{exitProblem, err}
}

// who is the name that an order carries.
func (c *client) who() (string, error) {
	if strings.TrimSpace(c.by) == "" {
		return "", &exitError{exitUsage, errors.New("lockstep: say who gives the order: --by NAME")}
	}
	return c.by, nil
}

// setRecord adds a record to a query: 42, left:42, right:9001, ["eu","42"].
func setRecord(q url.Values, text string) {
	if text == "" {
		return
	}
	side, key := "left", text
	if rest, ok := strings.CutPrefix(text, "right:"); ok {
		side, key = "right", rest
	} else if rest, ok := strings.CutPrefix(text, "left:"); ok {
		key = rest
	}
	q.Set(side, key)
}

// set adds what is not empty.
func set(q url.Values, pairs ...string) url.Values {
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return q
}

// lines prints a list as JSON lines.
func lines[T any](out io.Writer, items []T) error {
	enc := json.NewEncoder(out)
	for _, item := range items {
		if err := enc.Encode(item); err != nil {
			return failed(err)
		}
	}
	return nil
}

// plainKey is a key as people write it: 42, or the whole of a composite one.
func plainKey(key string) string {
	var parts []string
	if json.Unmarshal([]byte(key), &parts) == nil && len(parts) == 1 {
		return parts[0]
	}
	return key
}

// tallied prints what became of an order about many, and fails when one did.
func tallied(out io.Writer, t tally, asJSON bool) error {
	if asJSON {
		if err := lines(out, []tally{t}); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(out, "%d done, %d had been done before, %d failed\n", t.Done, t.Already, len(t.Failed))
		for _, f := range t.Failed {
			fmt.Fprintf(out, "%s: %s\n", f.ID, f.Error)
		}
	}
	if len(t.Failed) > 0 {
		return &exitError{exitProblem, errors.New("")}
	}
	return nil
}
