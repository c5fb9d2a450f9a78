package main

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// tokenFile is where the data directory keeps the API's token.
const tokenFile = "api.token"

// apiToken returns the token that orders have to carry, and makes it at the
// first start. --listen may be open to the world for the sake of webhooks, so
// whoever gives orders or reads values has to prove that they may read the data
// directory. It is never logged.
func apiToken(dir string) (string, error) {
	path := filepath.Join(dir, tokenFile)
	token, err := readToken(path)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return token, err
	}
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		return "", fmt.Errorf("make the API's token: %w", err)
	}
	token = hex.EncodeToString(secret)
	if err := writeToken(path, token); err != nil {
		return "", fmt.Errorf("store the API's token: %w", err)
	}
	return token, nil
}

// writeToken writes beside and renames, so that a crash leaves no half of one.
func writeToken(path, token string) error {
	f, err := os.CreateTemp(filepath.Dir(path), tokenFile+".*") // readable by its owner only
	if err != nil {
		return err
	}
	_, err = f.WriteString(token + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

func readToken(path string) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read the API's token: %w", err)
	}
	token := strings.TrimSpace(string(data))
	if len(token) < 32 {
		return "", fmt.Errorf("read the API's token: %s holds %d characters, want at least 32: remove the file, and it is made anew at the next start", path, len(token))
	}
	return token, nil
}

// foreign tells whether a page of another site made a browser send the request.
// It cannot know the token; but whoever has the browser may have it in reach.
func foreign(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return false
	}
	u, err := url.Parse(origin)
	return err != nil || u.Host != r.Host
}

// allowed tells whether a request carries the token. How long it takes tells
// nothing about how much of a wrong one is right.
func allowed(r *http.Request, token string) bool {
	scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.EqualFold(scheme, "Bearer") && subtle.ConstantTimeCompare([]byte(given), []byte(token)) == 1
}
