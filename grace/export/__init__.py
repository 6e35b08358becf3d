"""Exports of the log: sealed parts, archives with a manifest, and what proves and restores them.

Belongs here: what an archive is, how rows become files and files rows again, and every check of
one. Does not: where an archive is put (`tasks.exporting`), Great Expectations (`tasks.validation`).
"""
