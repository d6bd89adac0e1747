#!/bin/sh
# The main job: results, instructions, and what each of them cost.
# usage: demo.sh [the hvm command]
set -eu
hvm=${1:-hvm}
folder=$(dirname "$0")

say() { printf '\n\033[1m$ %s\033[0m\n' "$*"; }
if [ ! -t 1 ] || [ -n "${NO_COLOR:-}" ]; then say() { printf '\n$ %s\n' "$*"; }; fi
show() { say hvm "$@"; "$hvm" "$@"; }

echo "An attention block written out in scalars, 3 tokens by 2 features."
show run "$folder/transformer_block.hmp"
show dis "$folder/transformer_block.hmp" --code
show trace "$folder/transformer_block.hmp" --engine jit

echo
echo "The same block written once for any size, on the same numbers."
show run "$folder/attention.hmp" --data "$folder/attention.json"
show explain "$folder/attention.hmp"
show trace "$folder/attention.hmp" --data "$folder/attention.json" --engine jit

echo
echo "Both engines on 64 tokens by 32 features, with numbers made up."
show bench "$folder/attention.hmp" --set T=64 --set D=32
