"""Benchmarks: ours against the way a plain CKAN has, as ratios taken in one run."""
