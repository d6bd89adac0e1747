"""A program in the other precision."""

from __future__ import annotations

import numpy as np
import pytest

import hvm_vm as hvm
from hvm_vm.api.program import Program
from hvm_vm.bytecode import decode, encode, verify
from hvm_vm.bytecode.precision import with_precision

SOURCES = [
    "index t : 3\nx[t] = [1, 2, 1/3]\nk = 2\ny[t] = sqrt(x[t])*k\nz = argmax[t](y[t])\n",
    "a = 5\nx*exp(x) = a\nguess x = 1\n",
]


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("engine", ["reference", "jit"])
def test_there_and_back(source, engine):
    module = hvm.compile(source).module
    single = with_precision(module, "f32")
    assert single.precision == "f32" and with_precision(single, "f32") is single
    assert {r.dtype for r in single.registers} <= {"f32", "i64"}
    double = with_precision(single, "f64")
    for made in (single, double):
        assert encode(decode(encode(made))) == encode(made)
    exact = Program(verify(module))(engine=engine)
    for made, digits in ((single, 1e-5), (double, 1e-6)):
        for name, value in Program(verify(made))(engine=engine).items():
            np.testing.assert_allclose(value, exact[name], rtol=digits)
