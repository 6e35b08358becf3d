"""Proofs that leave the house: files by which a stranger checks a part of the log.

Belongs here: what goes into such a file, from the log as it is signed. Does not: checking one,
which `grace.verifier` does with nothing of Grace beside it.
"""
