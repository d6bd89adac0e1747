"""Scalars of lifted programs are what they were to the API and the command line."""

from __future__ import annotations

import numpy as np
import pytest

import hvm_vm as hvm
from tests.relations.lift.test_lifting import as_it_stands

BLOCK = "examples/transformer_block.hmp"


def scalars():
    with open(BLOCK) as file:
        return as_it_stands(file.read())


def test_results_are_scalars_and_arrays():
    program = hvm.compile(BLOCK)
    out = program()
    names = [f"o{t}_{i}" for t in (1, 2, 3) for i in (1, 2)]
    assert list(out) == list(program.outputs) == names and len(out) == 6
    assert out["o"].shape == (3, 2) and out["o"][1, 0] == out["o2_1"]
    assert isinstance(out["o2_1"], float) and "o2_1" in out and "o" not in out
    assert dict(out) == {n: out[n] for n in names} == {**out}
    with pytest.raises(hvm.HvmError, match="no result"):
        out["zz"]


def test_arrays_and_scalars_are_set():
    program = hvm.compile(BLOCK)
    x = np.arange(6.0).reshape(3, 2) / 6
    plain = scalars()
    for values in ({"x": x}, {"x2_1": 0.3}, {"x": x, "x1_2": -1.0}):
        wanted, found = plain(values), program(values)
        for name in wanted:
            assert found[name] == pytest.approx(wanted[name], rel=1e-12)


def test_what_is_determined_can_be_set():
    program, plain = hvm.compile(BLOCK), scalars()
    assert program(q2_1=0.25)["o2_1"] != plain()["o2_1"]
    found = hvm.compile(BLOCK, known=["q2_1"])
    assert "q2_1" in found.inputs
    for value in (-0.7, 0.25):
        assert found(q2_1=value)["o2_1"] == pytest.approx(program(q2_1=value)["o2_1"])
    assert found(q2_1=-0.7)["o2_1"] == pytest.approx(plain()["o2_1"])
    everything = hvm.compile(BLOCK, known=["s"])
    assert "s" in everything.inputs


def test_find_takes_scalars_and_families():
    assert hvm.compile(BLOCK, find=["o1_1"]).outputs == ("o1_1",)
    assert len(hvm.compile(BLOCK, find=["a", "o1_1"]).outputs) == 10
    every = hvm.compile(BLOCK).run(keep_all=True)
    assert {"q1_1", "a33", "v3_2"} <= set(every.hidden)


def test_bound_runs():
    bound = hvm.compile(BLOCK).bind()
    bound.run()
    before = float(bound.outputs["o1_1"])
    bound.inputs["x1_1"][...] = 5.0
    bound.run()
    assert float(bound.outputs["o1_1"]) != before
    assert bound.outputs["o"].shape == (3, 2)


def test_the_bytecode_says_it_too(tmp_path):
    path = tmp_path / "block.hvmb"
    program = hvm.compile(BLOCK)
    program.save(path)
    loaded = hvm.load(path)
    assert list(loaded(x1_1=2.0)) == list(program.outputs)
    assert loaded(x1_1=2.0)["o1_1"] == program(x1_1=2.0)["o1_1"]


def test_the_same_text_gives_the_same_bytes():
    import os
    import subprocess
    import sys

    code = (f"import hvm_vm, hashlib; "
            f"print(hashlib.sha256(hvm_vm.compile({BLOCK!r}).encode()).hexdigest())")
    digests = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                       env={**os.environ, "PYTHONHASHSEED": seed}).stdout
        for seed in ("1", "2")}
    assert len(digests) == 1
