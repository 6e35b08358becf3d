"""What other systems say about their runs, turned into rows of the log.

Belongs here: the records as a source gives them, and pure functions from them to rows. Does not:
asking the source, paging, cursors, or writing; those are tasks.
"""
