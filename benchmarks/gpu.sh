#!/usr/bin/env bash
# Everything that proves benchsuite on a GPU, in parts that can be resumed. docs/gpu.md says what each is for.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: benchmarks/gpu.sh [--list] [--again] [PART]...

Without a PART, all of them in the order of --list: the most valuable first. A part that is done is skipped; one that was
cut off goes on where it stopped. --again forgets that the named parts are done.

  OUT=DIR        where results go: one PART.tar.gz each (default: build/gpu/out)
  STATE=DIR      what is kept between calls (default: build/gpu)
  LIMIT_S=N      no part goes on for longer than so many seconds after the start of this call (default: 570)
  WHEELS=DIR     wheels of what the interpreter lacks; installed into STATE without an index
  PYTHON=NAME    the interpreter that has torch (default: python3)
  RUN_ARGS=...   options of `benchsuite run` (default: --all; where time is short: "cuda_graphs batch_size -k cuda")
  PYTEST_ARGS=.. further options of pytest without blanks inside, such as "-m not(slow)"
TEXT
}

# Part, seconds that it may take, seconds that it is thought to take on an H100 or H200 with 16 cores, what it does.
PARTS=(
  "check|60|20|what machine, which versions, what is missing"
  "limits|120|40|products, copies and launches at most, measured beside the suite (benchmarks/gpu_limits.py)"
  "quick|240|150|a quick run of every question's CUDA variants: does anything fail?"
  "gpu-tests|480|450|tests/gpu and every test elsewhere that wants a GPU"
  "run|480|3600|benchsuite run; as many calls as it takes: each goes on with the last one's"
  "report|120|30|the page of the run, its tables for docs/gpu.md, multiples of the limits"
  "gate|480|10000|the gate's self-test on CUDA; as many calls as wanted: each adds decisions"
  "tests|480|300|the quick tests of the whole suite"
  "slow-tests|480|900|the slow ones; where they are cut off, the log says how far they came"
  "pack|60|20|one archive of all that the state holds, in pieces of 15 MB, instead of one for each part"
)

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
STARTED=$SECONDS
LIMIT_S=${LIMIT_S:-570}
PYTHON=${PYTHON:-python3}
KILL_AFTER_S=30
LARGEST_BYTES=15000000 # larger archives come in pieces: cat PART.tar.gz.* | tar -xz
LEAST_S=${LEAST_S:-20} # a part is not begun with less

field() { cut -d '|' -f "$2" <<<"$1"; }

entry_of() {
  local entry
  for entry in "${PARTS[@]}"; do
    if [[ $(field "$entry" 1) == "$1" ]]; then
      printf '%s\n' "$entry"
      return
    fi
  done
  echo "gpu.sh: no part is called '$1'; --list shows them" >&2
  return 2
}

list_parts() {
  local entry
  printf '%-11s %9s %11s  %s\n' part 'at most' 'all of it' 'what it does'
  for entry in "${PARTS[@]}"; do
    printf '%-11s %7s s %9s s  %s\n' \
      "$(field "$entry" 1)" "$(field "$entry" 2)" "$(field "$entry" 3)" "$(field "$entry" 4)"
  done
}

left_s() { echo $((LIMIT_S - (SECONDS - STARTED))); }

# Wheels lie beside the interpreter's own packages, not in a venv: one that is made from a venv would not see that one's torch.
prepare() {
  mkdir -p "$STATE/done" "$STATE/logs" "$STATE/results" "$STATE/runs" "$STATE/quick" "$STATE/self-test" "$OUT"
  if [[ -n ${WHEELS:-} && ! -e $STATE/site/.complete ]]; then
    rm -rf "$STATE/site"
    mkdir -p "$STATE/site"
    "$PYTHON" -m pip install --quiet --no-index --no-deps --no-compile --no-cache-dir --disable-pip-version-check \
      --target "$STATE/site" "$WHEELS"/*.whl
    touch "$STATE/site/.complete"
  fi
  export PYTHONPATH=$ROOT:$STATE/site${PYTHONPATH:+:$PYTHONPATH}
  export PYTHONUNBUFFERED=1
  cd "$ROOT"
}

has_gpu() { "$PYTHON" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())'; }

# The newest run below a folder, or nothing.
newest_run() {
  find "$1" -mindepth 2 -maxdepth 2 -name run.json -printf '%h\n' | sort | tail -n 1
}

is_finished() {
  "$PYTHON" -c 'import json, sys; sys.exit(not json.load(open(sys.argv[1] + "/run.json"))["finished"])' "$1"
}

part_check() {
  "$PYTHON" benchmarks/gpu_check.py
}

part_limits() {
  if ! has_gpu; then
    echo "skipped: no CUDA device"
    return
  fi
  "$PYTHON" benchmarks/gpu_limits.py measure "$STATE/results/limits.json"
}

pytest_options() {
  PYTEST=("$PYTHON" -m pytest -p no:cacheprovider --durations=15)
  if [[ -n ${PYTEST_ARGS:-} ]]; then
    local more
    read -ra more <<<"$PYTEST_ARGS"
    PYTEST+=("${more[@]}")
  fi
}

part_gpu_tests() {
  local files
  pytest_options
  mapfile -t files < <(grep -rl --include='test_*.py' 'cuda.is_available' tests | grep -v '^tests/gpu/' | sort)
  PYTHONPATH=$ROOT/benchmarks:$PYTHONPATH "${PYTEST[@]}" -v -p gpu_only tests/gpu "${files[@]}"
}

part_tests() {
  pytest_options
  "${PYTEST[@]}" -m 'not slow' --ignore=tests/gpu
}

part_slow_tests() {
  pytest_options
  "${PYTEST[@]}" -v -m slow --ignore=tests/gpu
}

# Begins a run below a folder, with these options, or goes on with the one that is there.
go_on() {
  local folder=$1 run
  run=$(newest_run "$folder")
  if [[ -n $run ]] && is_finished "$run"; then
    echo "finished: $run"
  elif [[ -n $run ]]; then
    "$PYTHON" -m benchsuite run --resume "$run"
  else
    "$PYTHON" -m benchsuite run "${@:2}" --runs-dir "$folder"
  fi
}

part_quick() {
  if ! has_gpu; then
    echo "skipped: no CUDA device"
    return
  fi
  go_on "$STATE/quick" --all --quick -k cuda
}

part_run() {
  local options
  read -ra options <<<"${RUN_ARGS:---all}"
  go_on "$STATE/runs" "${options[@]}"
}

newest_self_test() {
  find "$STATE/self-test" -mindepth 2 -maxdepth 2 -name self-test.json -printf '%h\n' | sort | tail -n 1
}

part_report() {
  local run kept options=()
  run=$(newest_run "$STATE/runs")
  if [[ -z $run ]]; then
    echo "there is no run yet: gpu.sh run" >&2
    return 2
  fi
  "$PYTHON" -m benchsuite report "$run"
  if [[ -e $STATE/results/limits.json ]]; then
    options+=(--limits "$STATE/results/limits.json")
    "$PYTHON" benchmarks/gpu_limits.py table "$STATE/results/limits.json" "$run" >"$STATE/results/multiples.md"
  fi
  kept=$(newest_self_test)
  [[ -z $kept ]] || options+=(--self-test "$kept")
  "$PYTHON" benchmarks/gpu_tables.py "$run" "${options[@]}" >"$STATE/results/tables.md"
  cp "$run/report.html" "$STATE/results/report.html"
}

part_gate() {
  local kept
  if ! has_gpu; then
    echo "skipped: no CUDA device"
    return
  fi
  kept=$(newest_self_test)
  if [[ -n $kept ]]; then
    "$PYTHON" -m benchsuite gate --self-test --resume "$kept"
  else
    "$PYTHON" -m benchsuite gate --self-test --device cuda --runs-dir "$STATE/self-test"
  fi
}

part_pack() {
  local entry
  for entry in "${PARTS[@]}"; do rm -f "$OUT/$(field "$entry" 1)".tar.gz*; done
  # A trace and a flame graph for each variant are too much to take along; self-tests keep their decisions.
  tar -C "$STATE" --exclude='artifacts' --exclude='self-test/*/runs' --exclude='./site' --exclude='./out' -czf - . |
    split -b "$LARGEST_BYTES" -d - "$OUT/pack.tar.gz."
  ls -l "$OUT"
}

# Whether what a part has made is final: not a pack, nor the report of a run that goes on.
is_lasting() {
  local run
  case $1 in
    pack) return 1 ;;
    report)
      run=$(newest_run "$STATE/runs")
      [[ -n $run ]] && is_finished "$run"
      ;;
  esac
}

# Leaves one archive of a part's log and, of those that have one, its result.
archive() {
  local part=$1 files=("logs/$1.log") run
  case $part in
    limits) files+=(results/limits.json) ;;
    report) files+=(results/report.html results/tables.md results/multiples.md) ;;
    quick | run)
      run=$(newest_run "$STATE/${part/run/runs}")
      files+=("${run#"$STATE/"}/run.json" "${run#"$STATE/"}/records.jsonl")
      ;;
    gate)
      mapfile -t -O 1 files < <(cd "$STATE" && find self-test -mindepth 2 -maxdepth 2 -type f)
      ;;
  esac
  local there=() file
  for file in "${files[@]}"; do
    [[ ! -f $STATE/$file ]] || there+=("$file")
  done
  rm -f "$OUT/$part".tar.gz*
  tar -C "$STATE" -czf "$OUT/$part.tar.gz" -- "${there[@]}"
  if (($(stat -c %s "$OUT/$part.tar.gz") > LARGEST_BYTES)); then
    split -b "$LARGEST_BYTES" -d "$OUT/$part.tar.gz" "$OUT/$part.tar.gz."
    rm "$OUT/$part.tar.gz"
  fi
}

# Runs a part in a process of its own, so that it can be cut off, and notes how it ended.
run_part() {
  local part=$1 entry may_s code=0 began=$SECONDS
  entry=$(entry_of "$part")
  if [[ -e $STATE/done/$part ]]; then
    echo "== $part: done before ($(<"$STATE/done/$part"))"
    return 0
  fi
  may_s=$(field "$entry" 2)
  if (($(left_s) - KILL_AFTER_S < may_s)); then may_s=$(($(left_s) - KILL_AFTER_S)); fi
  if ((may_s < LEAST_S)); then
    echo "== $part: not begun, $(left_s) s are left of LIMIT_S=$LIMIT_S"
    return 0
  fi
  echo "== $part: at most $may_s s"
  {
    printf '\n== %s: %s\n' "$part" "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
    timeout --signal=INT --kill-after="$KILL_AFTER_S" "$may_s" \
      env OUT="$OUT" STATE="$STATE" PYTHON="$PYTHON" RUN_ARGS="${RUN_ARGS:-}" PYTEST_ARGS="${PYTEST_ARGS:-}" \
      bash "$ROOT/benchmarks/gpu.sh" --inside "$part" || code=$?
    printf '== %s: exit code %s after %s s\n' "$part" "$code" "$((SECONDS - began))"
  } >>"$STATE/logs/$part.log" 2>&1
  tail -n 12 "$STATE/logs/$part.log"
  if ((code == 124 || code == 130 || code == 137)); then
    echo "== $part: cut off; the next call goes on with it (tests begin anew)"
  elif tail -n 5 "$STATE/logs/$part.log" | grep -q '^skipped: '; then
    echo "== $part: skipped"
  elif is_lasting "$part"; then
    echo "exit code $code" >"$STATE/done/$part"
  fi
  [[ $part == pack ]] || archive "$part"
  return "$code"
}

main() {
  local parts=() again='' part worst=0 code
  OUT=${OUT:-$ROOT/build/gpu/out}
  STATE=${STATE:-$ROOT/build/gpu}
  while (($#)); do
    case $1 in
      --list) list_parts; return ;;
      -h | --help) usage; return ;;
      --again) again=yes ;;
      --inside) # this script's own call of one part
        prepare
        "part_${2//-/_}"
        return
        ;;
      -*) usage >&2; return 2 ;;
      *) entry_of "$1" >/dev/null; parts+=("$1") ;;
    esac
    shift
  done
  if ((${#parts[@]} == 0)); then
    for part in "${PARTS[@]}"; do parts+=("$(field "$part" 1)"); done
  fi
  [[ $PYTHON != */* ]] || PYTHON=$(cd "$(dirname "$PYTHON")" && pwd)/$(basename "$PYTHON")
  mkdir -p "$OUT" "$STATE"
  OUT=$(cd "$OUT" && pwd)
  STATE=$(cd "$STATE" && pwd)
  prepare
  for part in "${parts[@]}"; do
    [[ -z $again ]] || rm -f "$STATE/done/$part"
    code=0
    run_part "$part" || code=$?
    ((code == 0)) || worst=$code
  done
  return "$worst"
}

main "$@"
