"""`--nan-check`: stop at the first instruction that makes a NaN or an infinity."""

from __future__ import annotations

import argparse

from hvm_vm.commands.options import Parser
from hvm_vm.commands.output import message


def nan_check_option(parser: Parser) -> None:
    parser.add("--nan-check", action="store_true",
               help="stop at the first instruction whose result is not finite though what it read "
                    "was, and say which relation it is, where, and what it read")  # fmt: skip


def nan_check(options: argparse.Namespace, program, values: dict, data) -> None:
    """Raise `NotFinite` (status 1) that names the relation; say so when there is nothing to say."""
    from hvm_vm.api.nan_search import check_finite

    check_finite(program, values, data=[data], engine=options.engine, threads=options.threads)
    message("no instruction makes a NaN or an infinity")
