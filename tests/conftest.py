"""What all tests have in common."""

from __future__ import annotations

import pytest

from hvm_vm.relations.lift import lifting


@pytest.fixture(autouse=True, scope="session")
def _errors_inside_are_raised():
    lifting.STRICT = True
