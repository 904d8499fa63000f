#!/usr/bin/env bash
# Fetches VGG-19 (about 80 MB) into model/, checked against its checksum. Not needed for painting:
# the network inside the package paints without any download. Python alone is enough.
#   ./download.sh                    from the usual addresses; --model vgg16 for VGG-16
#   ./download.sh --mirror URL       from URL/vgg19.params; the same is MIRROR=URL ./download.sh
set -euo pipefail
cd "$(dirname "$0")"
exec python3 -m nstyle download --folder model ${MIRROR:+--mirror "$MIRROR"} "$@"
