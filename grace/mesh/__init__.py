"""The trigger mesh: what happened, told to whoever listens, in the order of the ledger.

    from grace import mesh

    for event in mesh.subscribe("goal.*", after=4711):
        ...

Belongs here: reading events from the log, by pattern and from an index, keeping the place of a
named subscriber, and showing that nothing was missed. Does not: writing events, which the store
does in the transaction of what they tell, and publishing them to Prefect (`tasks.mesh`).
"""

from grace.mesh.event import Event
from grace.mesh.reading import last_index, missed, read_events
from grace.mesh.subscribing import deliver, subscribe

__all__ = ["Event", "deliver", "last_index", "missed", "read_events", "subscribe"]
