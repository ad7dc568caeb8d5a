"""A private data inventory inside CKAN that promotes approved entries to the public portal."""
