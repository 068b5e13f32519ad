package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"golang.org/x/sync/errgroup"
)

// profileSeconds is how long a profile is taken, and a turn for it is a little longer.
const profileSeconds = 5

// profile takes a CPU profile of each process of ours, while all clients call it.
func (e *entrant) profile(ctx context.Context, o options, row string) error {
	if err := os.MkdirAll(o.profiles, 0o755); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		_, err := e.clients.Run(ctx, (profileSeconds+1)*time.Second)
		return err
	})
	for i, admin := range e.running.admin {
		file := fmt.Sprintf("%s-%d.pprof", strings.Join(strings.FieldsFunc(row, notInFileNames), "-"), i+1)
		group.Go(func() error { return fetchProfile(ctx, admin, filepath.Join(o.profiles, file)) })
	}
	return group.Wait()
}

func notInFileNames(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }

func fetchProfile(ctx context.Context, admin, file string) error {
	url := fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", admin, profileSeconds)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	profile, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("profile: %s %.500s", response.Status, profile)
	}
	return os.WriteFile(file, profile, 0o644)
}
