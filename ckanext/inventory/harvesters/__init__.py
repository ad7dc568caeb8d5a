"""Candidates by harvest: the only room that knows ckanext-harvest."""
