#!/usr/bin/env bash
# Write the two lock files: exact versions and hashes, for Python 3.11 to 3.13 on Linux and macOS, no registry's address.
# Needs uv (pip install uv); `make setup` does not.
set -euo pipefail
cd "$(dirname "$0")/.."
common=(--universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet)
uv pip compile "${common[@]}" --all-extras --group build --group test --group lint pyproject.toml -o requirements.lock "$@"
echo "awscli>=1.46" | uv pip compile "${common[@]}" - -o requirements-awscli.lock "$@"
