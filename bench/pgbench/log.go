package pgbench

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A transaction is a line of pgbench's log.
type transaction struct {
	end  time.Time
	took time.Duration
}

// readLogs reads the logs of all threads of a run.
func readLogs(prefix string) ([]transaction, error) {
	files, err := filepath.Glob(prefix + ".*")
	if err != nil {
		return nil, err
	}
	var all []transaction
	for _, file := range files {
		if all, err = readLog(all, file); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func readLog(all []transaction, name string) ([]transaction, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		t, err := parse(lines.Text())
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, lines.Err()
}

// The fields of a line that are read (PostgreSQL, pgbench, "Per-Transaction Logging"), of which there are six.
const (
	fieldTook    = 2 // µs, or why the transaction failed
	fieldSeconds = 4 // of its end, since the epoch
	fieldMicros  = 5 // of that second
	fields       = 6
)

func parse(line string) (t transaction, err error) {
	parts := strings.Fields(line)
	if len(parts) != fields {
		return t, fmt.Errorf("pgbench's log says %.200q", line)
	}
	var numbers [fields]int64
	for _, i := range []int{fieldTook, fieldSeconds, fieldMicros} {
		n, err := strconv.ParseUint(parts[i], 10, 62)
		if err != nil {
			return t, fmt.Errorf("pgbench's log says %.200q", line)
		}
		numbers[i] = int64(n)
	}
	return transaction{
		end:  time.Unix(numbers[fieldSeconds], numbers[fieldMicros]*int64(time.Microsecond)),
		took: time.Duration(numbers[fieldTook]) * time.Microsecond,
	}, nil
}
