"""The engine's own record: what it predicted and what came of it, and what it sees in nothing.

Belongs here: what the log says of Grace's own changes, a type of change at a time. Does not: the
governed system's figures, or loading what was measured.
"""
