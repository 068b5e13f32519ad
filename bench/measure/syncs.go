package measure

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// syncBytes is what is appended before each sync: a page, less than what a durable write of anything is.
const syncBytes = 4 << 10

// Syncs is how often a second a page can be appended to a file and synced (fdatasync(2)), one after the other, in a
// directory. It is the floor under everything durable there: who answers more writes a second than that has several of
// them share a sync.
func Syncs(dir string, duration time.Duration) (rate float64, err error) {
	file, err := os.CreateTemp(dir, "sync-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, file.Close(), os.Remove(file.Name())) }()
	page := make([]byte, syncBytes)
	begin, n := time.Now(), 0
	for ; n == 0 || time.Since(begin) < duration; n++ {
		if _, err := file.Write(page); err != nil {
			return 0, err
		}
		if err := unix.Fdatasync(int(file.Fd())); err != nil {
			return 0, err
		}
	}
	return float64(n) / time.Since(begin).Seconds(), nil
}
