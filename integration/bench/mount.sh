#!/usr/bin/env bash
# Measures a directory the way a person's programs use it, and prints one
# "metric value unit" line each. Only ratios of runs on the same disk in one sitting
# mean anything; the program beside this script makes such runs (see main.go).
#
#   mount.sh [-m MEGABYTES] [-t SECONDS] DIR [PART...]
#
# DIR is emptied of what the script made. Parts are large (one large file), small (many
# small ones), sync (fsync and SQLite) and tree (tar, find, git); without any, all run.
# -t is how long each measurement of random accesses goes on. Metrics named "again" repeat
# the one before: the first stat of a file that was just written finds nothing cached.
#
# Needs: fio git sqlite3 tar python3. As root it drops the page cache before the cold
# reads; without root those read warm.
set -euo pipefail
mb=128 seconds=5
while getopts m:t: o; do
  case "$o" in
    m) mb=$OPTARG ;;
    t) seconds=$OPTARG ;;
    *) exit 2 ;;
  esac
done
shift $((OPTIND - 1))
dir=$(realpath "${1:?usage: mount.sh [-m MEGABYTES] [-t SECONDS] DIR [PART...]}")
shift
[ $# -gt 0 ] || set -- large small sync tree

work="$dir/bench.$$" src=$(mktemp -d)
mkdir "$work"
trap 'rm -rf "$work" "$src"' EXIT

cold() {
  sync
  if [ -w /proc/sys/vm/drop_caches ]; then echo 3 >/proc/sys/vm/drop_caches; fi
}

# took METRIC COMMAND... runs a command and prints how long it took.
took() {
  local name=$1 a b
  shift
  a=$(date +%s.%N)
  "$@" >/dev/null 2>&1
  b=$(date +%s.%N)
  python3 -c 'import sys; a, b = map(float, sys.argv[1:3]); print("%-22s %12.3f s" % (sys.argv[3], b - a))' "$a" "$b" "$name"
}

# by_fio METRIC WHAT RW BLOCK EXTRA... prints the bandwidth (WHAT is bw_bytes, in MB/s)
# or the rate (iops).
by_fio() {
  local name=$1 what=$2 rw=$3 bs=$4
  shift 4
  fio --name=f --directory="$work" --filename=big --size="${mb}m" --rw="$rw" --bs="$bs" --ioengine=psync \
    --invalidate=0 --output-format=json "$@" 2>/dev/null | python3 -c '
import json, sys
name, what = sys.argv[1:]
job = json.load(sys.stdin)["jobs"][0]
side = job["read"] if job["read"]["io_bytes"] else job["write"]
value, unit = (side["bw_bytes"] / 1e6, "MB/s") if what == "bw_bytes" else (side["iops"], "op/s")
print("%-22s %12.1f %s" % (name, value, unit))' "$name" "$what"
}

large() {
  by_fio seq_write_1m bw_bytes write 1m --end_fsync=1
  cold
  by_fio seq_read_1m_cold bw_bytes read 1m
  by_fio seq_read_1m_warm bw_bytes read 1m
  by_fio rand_read_4k_warm iops randread 4k --runtime="$seconds" --time_based
  by_fio rand_write_4k iops randwrite 4k --runtime="$seconds" --time_based
  by_fio fdatasync_write_4k iops write 4k --fdatasync=1 --runtime="$seconds" --time_based
  rm -f "$work/big"
}

small() {
  python3 - "$work/small" 5000 <<'PY'
import os, sys, time
d, n = sys.argv[1], int(sys.argv[2])
os.mkdir(d)
buf = os.urandom(4096)
def measure(name, fn, count=n):
    t = time.time()
    fn()
    print('%-22s %12.1f op/s' % (name, count / max(time.time() - t, 1e-9)))
def create():
    for i in range(n):
        fd = os.open(f'{d}/f{i:06d}', os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o644)
        os.write(fd, buf)
        os.close(fd)
def stat():
    for i in range(n): os.stat(f'{d}/f{i:06d}')
def readdir():
    assert len(os.listdir(d)) == n
def open_read():
    for i in range(n):
        with open(f'{d}/f{i:06d}', 'rb') as f: assert f.read() == buf
def rename():
    for i in range(n): os.rename(f'{d}/f{i:06d}', f'{d}/g{i:06d}')
def unlink():
    for i in range(n): os.unlink(f'{d}/g{i:06d}')
measure('create_4k', create)
measure('stat', stat)
measure('readdir_entries', readdir)
measure('stat_again', stat)
measure('readdir_again', readdir)
measure('open_read_4k', open_read)
measure('rename', rename)
t = time.time()
os.rename(d, d + '2')
print('%-22s %12.4f s' % ('rename_dir_of_5000', time.time() - t))
os.rename(d + '2', d)
measure('unlink', unlink)
PY
}

sync_part() {
  python3 - "$work" 300 <<'PY'
import os, sys, time
d, n = sys.argv[1], int(sys.argv[2])
buf = os.urandom(4096)
t = time.time()
for i in range(n):
    fd = os.open(f'{d}/s{i}', os.O_CREAT | os.O_WRONLY)
    os.write(fd, buf)
    os.fsync(fd)
    os.close(fd)
print('%-22s %12.1f op/s' % ('create_4k_fsync', n / (time.time() - t)))
PY
  { echo 'create table t(a,b);'; for i in $(seq 300); do echo "insert into t values($i,'x');"; done; } >"$src/inserts"
  took sqlite sqlite3 -init "$src/inserts" "$work/db" .quit | awk '{ printf "%-22s %12.1f op/s\n", "sqlite_commits", 300 / $2 }'
}

tree() {
  python3 - "$src" <<'PY'
import os, random, sys
os.chdir(sys.argv[1])
random.seed(1)
for d in range(100):
    os.makedirs(f'tree/d{d:03d}/sub')
    for i in range(40):
        with open(f'tree/d{d:03d}/{"sub/" if i % 4 == 0 else ""}f{i:03d}.txt', 'wb') as f:
            f.write(random.randbytes(random.choice([300, 1500, 6000, 20000, 60000])))
PY
  tar cf "$src/tree.tar" -C "$src" tree
  took untar_4000_files tar xf "$src/tree.tar" -C "$work"
  took find_stat_4000 find "$work/tree" -type f -size +1c
  took find_stat_again find "$work/tree" -type f -size +1c
  cold
  took tar_read_4000_cold sh -c 'tar cf - -C "$1" tree | cat' sh "$work"
  took git_add_commit_4000 sh -c 'cd "$1" && git init -q . && git add -A && git -c user.name=b -c user.email=b@b commit -qm x' sh "$work/tree"
  took git_status_4000 git -C "$work/tree" status --porcelain
  took rm_rf_4000 rm -rf "$work/tree"
}

for part in "$@"; do
  case "$part" in
    large | small | tree) "$part" ;;
    sync) sync_part ;;
    *) echo "unknown part: $part" >&2; exit 2 ;;
  esac
done
