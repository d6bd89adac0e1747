"""The bytecode: instruction table, modules, files, verifier, assembler. Imports no compiler code."""
