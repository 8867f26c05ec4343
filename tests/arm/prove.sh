#!/usr/bin/env bash
# prove.sh [short]
#
# Inside a root of run_in_root.sh, in the checkout, as an ordinary user: what the README tells to do,
# from nothing, and then what depends on the architecture. Says of each step how long it took, shows
# the end of what a failed one printed, and says at the end which failed. `short` leaves out what
# takes minutes under emulation.
set -uo pipefail

model=data/models/mobilenet_v2_1.0_224_int8.tflite
failed=()

step() { # NAME COMMAND...
  local name=$1 from=$SECONDS status=0 log=build/arm-${1%% *}.log
  shift
  "$@" >"$log" 2>&1 || status=$?
  [ "$status" = 0 ] || tail -n 40 "$log"
  printf '%s: exit %s after %s s (%s)\n' "$name" "$status" "$((SECONDS - from))" "$log"
  [ "$status" = 0 ] || failed+=("$name")
}

doctor_finds_no_error() {
  joulesplit doctor --json | python -c '
import json, sys
found = {finding["name"]: finding for finding in json.load(sys.stdin)["findings"]}
for name in ("python", "board", "runtime", "bundled-files"):
    print(found[name]["state"], found[name]["found"])
sys.exit(any(finding["state"] == "error" for finding in found.values()))'
}

paper_says_block_5() {
  joulesplit paper --json | python -c '
import json, sys
assert json.load(sys.stdin)["best_block"] == 5, "the paper says block 5"'
}

numeric_tests() {
  python -m pip install --quiet 'pytest>=8.2' 'pytest-timeout>=2.3' 'pytest-xdist>=3.6' \
    'hypothesis>=6.100' &&
    python -m pytest -q -n 0 -p no:cacheprovider -m 'not campaign and not live' --timeout 1800 \
      tests/partition/schema tests/partition/parts tests/calibrate/estimates
}

quick_profile() {
  joulesplit serve "$model" --port 8519 &
  local server=$! status=0
  joulesplit calibrate "$model" --quick --sensor simulated --edge http://127.0.0.1:8519 \
    --output build/arm-profile.json || status=$?
  kill "$server"
  [ "$status" = 0 ] && joulesplit profile check build/arm-profile.json
}

mkdir -p build
step "install by the README" make .venv/.run-ready
. .venv/bin/activate || exit 1
step "doctor" doctor_finds_no_error
step "paper" paper_says_block_5
step "cut, both parts run and compared with the whole" \
  joulesplit partition "$model" --after 28 --output build/arm-cut --verify
[ "${1-}" = short ] || {
  step "numeric tests" numeric_tests
  step "calibrate --quick" quick_profile
  step "demo" joulesplit demo
}

printf 'failed: %s\n' "${failed[*]:-nothing}"
[ ${#failed[@]} = 0 ]
