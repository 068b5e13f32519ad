package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// environment says under what circumstances the results came about.
func (l *lab) environment(ctx context.Context, o options) string {
	info, err := os.Stat(l.orderPB)
	size := "unknown"
	if err == nil {
		size = fmt.Sprint(info.Size())
	}
	return fmt.Sprintf("%s, commit %s, %s, %s/%s, %d cores, data on %s; %d rounds of %v a turn. "+
		"The order has %s bytes as protobuf and %d as JSON. TLS 1.3 on every connection.\n",
		time.Now().UTC().Format("2006-01-02"), l.commit(ctx), runtime.Version(), runtime.GOOS, runtime.GOARCH,
		runtime.NumCPU(), fileSystem(l.dir), o.rounds, o.slice, size, l.bodySize)
}

// commit is what is checked out; a checkout without git has none.
func (l *lab) commit(ctx context.Context) string {
	command := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty", "--abbrev=10")
	command.Dir = l.root
	output, err := command.Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(output))
}

// fileSystem names the kind of file system that a path is on (statfs(2)).
func fileSystem(path string) string {
	var stat unix.Statfs_t
	if err := unix.Statfs(path, &stat); err != nil {
		return "unknown"
	}
	switch int64(stat.Type) {
	case unix.EXT4_SUPER_MAGIC:
		return "ext4"
	case unix.XFS_SUPER_MAGIC:
		return "xfs"
	case unix.BTRFS_SUPER_MAGIC:
		return "btrfs"
	case unix.OVERLAYFS_SUPER_MAGIC:
		return "overlayfs"
	case unix.TMPFS_MAGIC:
		return "tmpfs, where syncing costs nothing"
	default:
		return fmt.Sprintf("file system %#x", stat.Type)
	}
}
