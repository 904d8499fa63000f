#!/usr/bin/env bash
# Fetches VGG-19 (about 80 MB) into model/, checked against its git blob id. Not needed for
# painting: the network inside the package paints without any download.
#   ./download.sh             from the usual address
#   MIRROR=URL ./download.sh  from URL/model/vgg19.params
set -euo pipefail
cd "$(dirname "$0")"

mirror=${MIRROR:-https://raw.githubusercontent.com/dmlc/web-data/master/mxnet/neural-style}
blob=9dfbe2ed44e0e8914f9551888bf763e14c09c778
target=model/vgg19.params

blob_id() { { printf 'blob %s\0' "$(wc -c <"$1" | tr -d ' ')"; cat "$1"; } | { sha1sum 2>/dev/null || shasum; } | cut -c1-40; }

if [ -f "$target" ] && [ "$(blob_id "$target")" = "$blob" ]; then
    echo "$target is there already"
    exit 0
fi
mkdir -p model
if command -v curl >/dev/null; then
    fetch() { curl --fail --location --retry 3 --continue-at - --output "$2" "$1"; }
else
    fetch() { wget --tries=3 --continue --output-document="$2" "$1"; }
fi
if ! fetch "$mirror/$target" "$target.part"; then
    echo "download.sh: $mirror/$target cannot be fetched; give another with MIRROR=URL," \
        "or put a VGG-19 .params file at $target by hand" >&2
    exit 1
fi
if [ "$(blob_id "$target.part")" != "$blob" ]; then
    rm -f "$target.part"
    echo "download.sh: what $mirror sent is not VGG-19's weights file; nothing was kept" >&2
    exit 1
fi
mv "$target.part" "$target"
echo "$target is ready: python run.py now paints with VGG-19"
