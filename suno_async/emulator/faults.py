"""What may go wrong, on demand."""

import enum

__all__ = ["Fault"]


class Fault(enum.Enum):
    """What may go wrong with one job, or with one call as far as it has stages, files or callbacks."""

    DROP = "the connection breaks and nothing was made"
    LOSE_ANSWER = "the job is made, and the connection breaks before the answer"
    GARBLE = "the job is made, and the answer is cut short"
    HTML = "a gateway's error page instead of an answer, and nothing was made"
    RATE_LIMIT = "refused as too fast"
    MAINTENANCE = "refused for maintenance"
    FAIL = "the job ends without a result"
    REJECT = "the job ends because of its words"
    INVISIBLE = "the details page does not know the job for its first 30 seconds"
    LATE_FILES = "success is said 30 seconds before the files are there"
    UNDELIVERED = "the details page says CALLBACK_EXCEPTION once the job is done"
    SILENT = "no callback is posted"
    DELAYED = "each callback is posted 60 seconds late"
    REORDERED = "all callbacks are posted after the end, the last one first"
    DUPLICATED = "each callback is posted twice at once, and both want to be taken"
    OVERTAKING = "the first callback is posted before the answer, which waits for the receiver's, a second at most"
    STUCK = "the job never ends"
    DEAD_LINK = "the first addresses of its files are dead; a later look tells new ones"
