"""Who somebody is, and how surely: reviewers, their passwords and keys, signed statements.

What belongs here: the reviewers' records, and checking that a statement is theirs. What does not:
whether they may answer, and what their answer comes to, which is governance; and every server.
"""
