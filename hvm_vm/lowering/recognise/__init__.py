"""Recognising whole operations in canonical mathematics, one file for each kind."""
