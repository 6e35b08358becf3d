"""The last weeks of a log in columns: what an engine reads each cycle.

Belongs here: which columns an engine reads of a log table, and the derived table that holds them by
the hour, advanced by the rows that are new in the ledger. Does not: what an engine makes of them.
"""
