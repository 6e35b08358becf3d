"""What a person wants to know when a goal goes off its track.

Belongs here: which such events nobody has looked at yet, what one comes to, and its page. Does not:
judging goals (`grace.goals`), finding what could be better (`grace.opportunities`), or starting
anything (`tasks.reviews`).
"""

from grace.reviews.page import notice, review_page
from grace.reviews.pending import is_reviewed, off_track_event, record_review, unreviewed
from grace.reviews.review import Review, review

__all__ = [
    "Review",
    "is_reviewed",
    "notice",
    "off_track_event",
    "record_review",
    "review",
    "review_page",
    "unreviewed",
]
