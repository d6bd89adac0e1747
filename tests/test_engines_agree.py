"""Generated programs: the oracle, the reference engine and the jit give the same answers.

The oracle evaluates the *system* element by element and knows nothing of lowering or bytecode; the
engines run the compiled bytecode, after it went through its file form and its assembly text.
"""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings

import hvm_vm as hvm
from hvm_vm.bytecode import assemble, decode, disassemble, encode
from hvm_vm.language import Diagnostics, Source, parse
from hvm_vm.relations import build
from tests.generation import programs
from tests.oracle import evaluate

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def build_system(text: str):
    diagnostics = Diagnostics()
    source = Source("generated.hmp", text)
    system = build(parse(source, diagnostics), source, diagnostics)
    diagnostics.raise_if_errors()
    return system


@given(programs())
@settings(max_examples=150, deadline=None, suppress_health_check=SLOW)
def test_oracle_reference_and_jit_agree(program):
    expected = evaluate(build_system(program.text), program.inputs, program.sizes)
    compiled = hvm.compile(program.text)
    data = encode(compiled.module)
    assert encode(decode(data)) == data
    assert encode(assemble(disassemble(compiled.module))) == data
    known = {s.name for s in compiled.module.symbols_of_size}
    given_values = {**program.inputs, **{n: v for n, v in program.sizes.items() if n in known}}
    given_values = {n: v for n, v in given_values.items()
                    if n in known or n in {i.name for i in compiled.module.inputs}}
    for engine in ("reference", "jit"):
        results = compiled(engine=engine, **given_values)
        assert set(expected) <= set(results)
        for name, value in expected.items():
            np.testing.assert_allclose(results[name], value, rtol=1e-8, atol=1e-8,
                                       err_msg=f"{name} in {engine}")
