#!/usr/bin/env bash
# Guide 3's command. All flags go on to train.py: bash finetune_dimtda.sh --within 20m --pages my-pages/
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
exec "${PYTHON:-python}" train.py --config after.yaml "$@"
