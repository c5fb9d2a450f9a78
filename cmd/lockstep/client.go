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

	"github.com/lockstep-sync/lockstep/bridge"
	"github.com/lockstep-sync/lockstep/schemas/config"
)

// client asks the running process, as the commands do that give orders.
type client struct {
	settings
	tokenFile string
	by        string
}

const (
	onePatience  = 2 * time.Minute
	manyPatience = time.Hour
	// maxAnswer bounds what one answer may take in memory.
	maxAnswer = 256 << 20
)

// errNobody says that no process can be asked; its data directory may be free.
var errNobody = errors.New("nobody answers")

// asking goes straight to the process: the token must reach neither a proxy nor
// wherever an answer may point to.
var asking = http.Client{Transport: &http.Transport{Proxy: nil},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

func (c *client) flags(cmd *cobra.Command, orders bool) {
	c.settings.flags(cmd, true)
	cmd.Flags().StringVar(&c.tokenFile, "token-file", "", "the `FILE` with the API's token (default: "+tokenFile+" in the data directory)")
	if orders {
		cmd.Flags().StringVar(&c.by, "by", os.Getenv("USER"), "the `NAME` of who gives the order: it goes to the audit")
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
		return "", "", failed(fmt.Errorf("%w: %w: is --data the data directory of the running process?", errNobody, err))
	}
	return addr, token, nil
}

// ask makes one request and reads its answer into out.
func (c *client) ask(cmd *cobra.Command, method, path string, query url.Values, body, out any) error {
	return c.askFor(cmd, onePatience, method, path, query, body, out)
}

func (c *client) askFor(cmd *cobra.Command, patience time.Duration, method, path string, query url.Values, body, out any) error {
	ctx, cancel := context.WithTimeout(cmd.Context(), patience)
	defer cancel()
	res, err := c.send(ctx, cmd, method, path, query, body)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	data, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return failed(fmt.Errorf("the answer is cut: %w", err))
	}
	if len(data) > maxAnswer {
		return failed(fmt.Errorf("the answer has more than %d bytes: ask for less", maxAnswer))
	}
	if err := json.Unmarshal(data, out); err != nil {
		return failed(fmt.Errorf("what answers is not lockstep: %w", err))
	}
	return nil
}

// send makes a request and returns an answer that is a success, for the caller to
// close. The path is escaped already.
func (c *client) send(ctx context.Context, cmd *cobra.Command, method, path string, query url.Values, body any) (*http.Response, error) {
	addr, token, err := c.find(cmd)
	if err != nil {
		return nil, err
	}
	var content io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return nil, failed(err)
		}
		content = bytes.NewReader(data)
	}
	target := "http://" + addr + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, target, content)
	if err != nil {
		return nil, failed(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := asking.Do(req)
	if err != nil {
		return nil, failed(fmt.Errorf("%w on %s: %w: is lockstep running, and is --listen the same?", errNobody, addr, err))
	}
	if res.StatusCode == http.StatusOK {
		return res, nil
	}
	defer res.Body.Close()
	data, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return nil, failed(fmt.Errorf("the answer is cut: %w", err))
	}
	return nil, refused(res.StatusCode, res.Status, data)
}

// refused is an answer that is no success, as an error with its exit code.
func refused(status int, text string, data []byte) error {
	var p apiProblem
	if json.Unmarshal(data, &p) != nil || p.Error == "" {
		p.Error = "the answer is " + text
	}
	err := errors.New("lockstep: " + inert(p.Error))
	if p.Remedy != "" && status != http.StatusBadRequest { // what cannot be asked says itself why; its remedy is for programs
		err = fmt.Errorf("%w: %s", err, inert(p.Remedy))
	}
	if status >= http.StatusInternalServerError {
		return &exitError{exitFailed, err}
	}
	return &exitError{exitProblem, err}
}

// who is the name that an order carries.
func (c *client) who() (string, error) {
	if strings.TrimSpace(c.by) == "" {
		return "", usage("say who gives the order: --by NAME")
	}
	return c.by, nil
}

// usage is an error of the command line itself.
func usage(text string) error { return &exitError{exitUsage, errors.New("lockstep: " + text)} }

// setRecord adds a record to a query: 42, left:42, right:9001, ["eu","42"].
func setRecord(q url.Values, text string) error {
	if text == "" {
		return nil
	}
	side, key := "left", text
	if rest, ok := strings.CutPrefix(text, "right:"); ok {
		side, key = "right", rest
	} else if rest, ok := strings.CutPrefix(text, "left:"); ok {
		key = rest
	}
	if k, err := keyOf(key); err != nil || k.IsZero() {
		return usage(`--record: write 42, right:9001, or ["eu","42"] for a key of several columns`)
	}
	q.Set(side, key)
	return nil
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

// order gives an order about one thing and prints what became of it.
func (c *client) order(cmd *cobra.Command, path string, body any) error {
	var o bridge.Outcome
	if err := c.ask(cmd, http.MethodPost, path, nil, body, &o); err != nil {
		return err
	}
	if c.asJSON {
		return lines(cmd.OutOrStdout(), o)
	}
	text := o.Done
	if o.Already {
		text = "nothing to do: " + text
	}
	if o.Records > 1 {
		text += fmt.Sprintf(" (%d records)", o.Records)
	}
	_, err := fmt.Fprintln(cmd.OutOrStdout(), inert(text))
	return failed(err)
}

// orders gives an order about many things and prints what became of them; it
// fails when one of them did.
func (c *client) orders(cmd *cobra.Command, path string, body any) error {
	var t tally
	if err := c.askFor(cmd, manyPatience, http.MethodPost, path, nil, body, &t); err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if c.asJSON {
		if err := lines(out, t); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(out, "%d done, %d had nothing to do, %d failed\n", t.Done, t.Already, len(t.Failed))
		for _, f := range t.Failed {
			fmt.Fprintf(out, "%s: %s\n", inert(f.ID), inert(f.Error))
		}
	}
	if len(t.Failed) > 0 {
		return &exitError{exitProblem, errors.New("")}
	}
	return nil
}
