"""Every public name, imported at once. `suno_async` loads this module when a name of it is first used.

Names are taken by the star from modules that offer nothing else, and as themselves from the others: both forms tell
type checkers that they are public. So `__all__` follows, and no endpoint, result or error is listed a second time.
"""

# ruff: noqa: F403  the `__all__` of each module says what it offers
from typing import TYPE_CHECKING

from .api.public import *
from .client import *
from .files.uploads import Progress as Progress
from .files.uploads import UploadSource as UploadSource
from .files.wanted import Saveable as Saveable
from .http.base import Download as Download
from .http.base import Form as Form
from .http.base import Transport as Transport
from .http.request_events import OnRequest as OnRequest
from .http.request_events import RequestEvent as RequestEvent
from .log import RedactTokens as RedactTokens
from .preview import Preview as Preview
from .status import *
from .stores.base import Store as Store
from .stores.memory import *
from .stores.record import *
from .submissions.codec import job_of as job_of
from .submissions.hooks import Observer as Observer
from .submissions.hooks import OnExpiring as OnExpiring
from .submissions.options import OnQueued as OnQueued
from .tasks.batch import Failure as Failure
from .tasks.batch import Outcome as Outcome
from .tasks.batch import Success as Success
from .tasks.pace import Pace as Pace
from .tasks.task import Task as Task
from .version import __version__ as __version__
from .webhooks.policy import Decision as Decision
from .webhooks.receiver import Receiver as Receiver
from .webhooks.verdict import Verdict as Verdict
from .wire import callbacks as _callbacks
from .wire.callbacks import Callback as Callback
from .wire.envelope import Reply as Reply

parse_callback = _callbacks.parse

if not TYPE_CHECKING:  # type checkers read lists of literals only
    __all__ = sorted(name for name in vars() if name[0] not in "_@" and name != "TYPE_CHECKING")  # @: pytest's
    __all__ += ["__version__"]
