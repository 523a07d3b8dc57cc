#!/bin/sh
# Draws every committed icon anew from mark.svg and tray/*.svg. The Tauri CLI draws; TAURI_CLI names one already there.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
tauri() { ${TAURI_CLI:-npx --yes @tauri-apps/cli@2.12.5} "$@" >"$made/log" 2>&1 || { cat "$made/log" >&2; exit 1; }; }

cd "$here"
tauri icon mark.svg --output "$made/app"
for name in 32x32.png 128x128.png 128x128@2x.png icon.icns icon.ico; do cp "$made/app/$name" .; done
for drawing in tray/*.svg; do
    state=$(basename "$drawing" .svg)
    tauri icon "$drawing" --png 64 --output "$made/$state"
    cp "$made/$state/64x64.png" "tray/$state.png"
done
