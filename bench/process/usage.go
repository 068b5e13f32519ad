package process

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// CPU is the processor time, user and system, that all threads of the process have used, those that have ended too.
//
// It is the kernel's clock of that process (clock_getcpuclockid(3)), which counts nanoseconds from the scheduler; utime
// and stime of /proc/PID/stat are the same sum, but in ticks of 10 ms. What interrupts do for the process, such as
// receiving packets on loopback, is counted to whom they interrupt, on every side alike.
func (p *Process) CPU() (time.Duration, error) {
	var now unix.Timespec
	if err := unix.ClockGettime(cpuClock(p.command.Process.Pid), &now); err != nil {
		return 0, fmt.Errorf("CPU clock of process %d: %w", p.command.Process.Pid, err)
	}
	return time.Duration(now.Nano()), nil
}

// cpuClock is the id of a process's CPU clock, as clock_getcpuclockid(3) makes it: the complement of the process id
// above three bits that say: of the whole process, as the scheduler counts.
func cpuClock(pid int) int32 {
	const scheduler = 2
	return int32(^pid<<3 | scheduler)
}

// Memory is what of a process was in memory, in bytes.
type Memory struct {
	Resident int64 // now
	Peak     int64 // at most, since its start
}

// Memory reads /proc/PID/status.
func (p *Process) Memory() (Memory, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.command.Process.Pid))
	if err != nil {
		return Memory{}, err
	}
	return parseMemory(status)
}

func parseMemory(status []byte) (m Memory, err error) {
	if m.Resident, err = kibibytes(status, "VmRSS:"); err != nil {
		return m, err
	}
	m.Peak, err = kibibytes(status, "VmHWM:")
	return m, err
}

func kibibytes(status []byte, name string) (int64, error) {
	for line := range bytes.Lines(status) {
		fields := bytes.Fields(line)
		if len(fields) == 3 && string(fields[0]) == name && string(fields[2]) == "kB" {
			n, err := strconv.ParseInt(string(fields[1]), 10, 64)
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("the process's status has no %s", name)
}
