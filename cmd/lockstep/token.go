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
	// Written beside and renamed, so that a crash leaves no half of one.
	if err := os.WriteFile(path+".new", []byte(token+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("store the API's token: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return "", fmt.Errorf("store the API's token: %w", err)
	}
	return token, nil
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

// allowed tells whether a request may give orders: it carries the token, and no
// page of another site made a browser send it.
func allowed(r *http.Request, token string) (problem string, status int) {
	if origin := r.Header.Get("Origin"); origin != "" {
		if u, err := url.Parse(origin); err != nil || u.Host != r.Host {
			return "a page of another site may not ask this", http.StatusForbidden
		}
	}
	given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || subtle.ConstantTimeCompare([]byte(given), []byte(token)) != 1 {
		return "the token of the data directory's " + tokenFile + " is needed, as Authorization: Bearer …", http.StatusUnauthorized
	}
	return "", 0
}
