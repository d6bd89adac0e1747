"""Running programs from Python: values by name, bound runs, data files. No compiler code."""
