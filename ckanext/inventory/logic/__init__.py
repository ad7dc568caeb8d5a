"""Doors of the API: actions, their authorisation and the schemas of what they take."""
