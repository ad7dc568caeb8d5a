"""Larkhaven: an invented city to try the inventory with."""
