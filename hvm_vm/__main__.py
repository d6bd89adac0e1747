"""`python -m hvm_vm` is `hvm`."""

import sys

from hvm_vm.cli import main

sys.exit(main())
