"""BLAS by address, NumPy's and SciPy's: the same call on both."""

from __future__ import annotations

import numpy as np
import pytest

from hvm_vm.engines.jit import blas
from tests.engines.jit.making import Making, both_agree


@pytest.mark.parametrize("find", [blas._from_numpy, blas._from_scipy])
@pytest.mark.parametrize("precision", ["f32", "f64"])
def test_products(find, precision, monkeypatch):
    library = find()
    if library is None:
        pytest.skip("NumPy is built with another BLAS here")
    monkeypatch.setattr("hvm_vm.engines.jit.prepare_contract.blas", lambda: library)
    for transposed in (False, True):
        making = Making(precision, [(9, "o"), (11, "o"), (13, "r")])
        making.result()
        making.access([[(0, 1)], [(2, 1)]], transposed=transposed)
        making.access([[(2, 1)], [(1, 1)]], transposed=not transposed)
        both_agree(making, "contract", (-1, -1))
        making = Making(precision, [(90, "o"), (13, "r")])
        making.result()
        making.access([[(0, 1)], [(1, 1)]], transposed=transposed)
        making.access([[(1, 1)]])
        both_agree(making, "contract", (-1, -1))


def test_threads_are_set_for_the_call_only():
    library = blas.blas()
    if not library.get_threads:
        pytest.skip("this BLAS does not tell its threads")
    import ctypes
    get = ctypes.CFUNCTYPE(ctypes.c_int)(library.get_threads)
    before = get()
    making = Making("f32", [(64, "o"), (64, "o"), (64, "r")])
    making.result()
    making.access([[(0, 1)], [(2, 1)]])
    making.access([[(2, 1)], [(1, 1)]])
    bound = making.bound("contract", (-1, -1))
    from hvm_vm.engines import get as engine
    from tests.engines.jit.making import frame
    runnable = engine("jit").prepare(bound, 1 if before > 1 else 2)
    runnable.run(frame(bound, making.arrays))
    assert get() == before
    np.testing.assert_allclose(making.arrays[0], making.arrays[1] @ making.arrays[2], rtol=1e-3,
                               atol=1e-4)
