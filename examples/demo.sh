#!/bin/sh
# The main job in four commands: results, instructions, and what each of them cost.
# usage: demo.sh [the hvm command]
set -eu
hvm=${1:-hvm}
folder=$(dirname "$0")

say() { printf '\n\033[1m$ %s\033[0m\n' "$*"; }
if [ ! -t 1 ] || [ -n "${NO_COLOR:-}" ]; then say() { printf '\n$ %s\n' "$*"; }; fi
show() { say hvm "$@"; "$hvm" "$@"; }

echo "An attention block written out in scalars: 3 tokens by 2 features."
show run "$folder/transformer_block.hmp"
show dis "$folder/transformer_block.hmp"
show trace "$folder/transformer_block.hmp" --engine jit

echo
echo "The same block for any size: here 64 tokens by 32 features."
show explain "$folder/attention.hmp"
show bench "$folder/attention.hmp" --set T=64 --set D=32
