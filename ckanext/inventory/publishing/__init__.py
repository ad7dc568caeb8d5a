"""Promotion: the only code that creates, shows or hides a public dataset.

``mapping`` says which words go out, ``portal`` writes datasets through core, ``promote`` holds the
acts, ``hold`` keeps what isn't on the portal private, ``drift`` and ``repair`` look at the result.
"""
