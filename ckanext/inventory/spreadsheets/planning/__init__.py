"""Planning an import: what each row of a file that has never seen us would make, and what doesn't fit."""
