"""Spreadsheets in and out: reading files, finding columns, understanding cells, planning an import.

Nothing in this package knows CKAN or the database but :mod:`.export`'s callers: files and facts go in,
plain values and messages come out.
"""
