"""Larkhaven: a small invented city to try the inventory with."""
