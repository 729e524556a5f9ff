"""One module for each command with a face of its own: parse, build options, call one verb, show what comes back.

What they all take is in `choices`.
"""
