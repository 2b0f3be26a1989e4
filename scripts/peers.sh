#!/usr/bin/env bash
# Install the peers that `make bench` measures beside us, in an environment of their own: they are no dependency of ours.
# `make bench` finds them there; without them their columns are empty.
set -euo pipefail
cd "$(dirname "$0")/.."
peers=${AFTERBAY_PEERS:-.cache/peers}
[ -x "$peers/bin/python" ] || "${PYTHON:-python3}" -m venv "$peers"
"$peers/bin/python" -m pip install --quiet --disable-pip-version-check "ministack==1.5.33"
echo "peers are in $peers; now: make bench"
