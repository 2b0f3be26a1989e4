#!/usr/bin/env bash
# Make the virtual environment: our requirements, this package (editable), and the AWS CLI in an environment of its own.
# Everything comes from the lock files, by hash. Nothing is installed outside the folder named as the argument.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${1:-.venv}
python=${PYTHON:-python3}

"$python" - <<'PY' || exit 2
import sys
if sys.version_info < (3, 11):
    sys.exit(f"afterbay needs Python 3.11 or newer; this is {sys.version.split()[0]}. Name another: make setup PYTHON=python3.12")
try:
    import ensurepip, venv
except ImportError:
    sys.exit("this Python has no venv module; on Debian or Ubuntu: apt-get install python3-venv")
PY

quiet=(--quiet --disable-pip-version-check --no-input)
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
"$venv/bin/python" -m pip install "${quiet[@]}" --require-hashes --only-binary=:all: -r requirements.lock
"$venv/bin/python" -m pip install "${quiet[@]}" --no-deps --no-build-isolation --editable .

# The CLI pins libraries that are no business of ours, so it gets its own environment and a link.
[ -x "$venv/awscli/bin/python" ] || "$python" -m venv "$venv/awscli"
"$venv/awscli/bin/python" -m pip install "${quiet[@]}" --require-hashes --only-binary=:all: -r requirements-awscli.lock
ln -sf ../awscli/bin/aws "$venv/bin/aws"
