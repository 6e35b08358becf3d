"""A made-up system on a clock of its own, whose waits and failures follow from how it is set.

Belongs here: the system, its queues and its errors, and the rows that Prefect's records of it would
have come to. Does not: anything that knows what a proposal is, and any result; what becomes of a
change is simulated and then measured, never told.
"""
