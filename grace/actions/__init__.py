"""Carrying a decision out: set the target, once, look whether it took, and write both down.

Belongs here: the order of record and deed, so that a process killed anywhere in between loses and
doubles nothing. Does not: how a target is set (`grace.levers`), or whether it may be.
"""
