"""Every public name, imported at once. `suno_async` loads this module when a name of it is first used.

Names are taken by the star from modules that offer nothing else, and as themselves from the others: both forms tell
type checkers that they are public. So `__all__` follows, and no endpoint, result or error is listed a second time.
"""

# ruff: noqa: F403  the `__all__` of each module says what it offers
from typing import TYPE_CHECKING

from .api.limits import *
from .api.models import Model as Model
from .api.providers import APIKLEY as APIKLEY
from .api.providers import KIE as KIE
from .api.providers import KIE_JOBS as KIE_JOBS
from .api.providers import KIE_LEGACY as KIE_LEGACY
from .api.providers import SUNOAPI as SUNOAPI
from .api.providers import Provider as Provider
from .api.requests.account import *
from .api.requests.base import FROM_TRACK as FROM_TRACK
from .api.requests.base import Call as Call
from .api.requests.base import FromSource as FromSource
from .api.requests.base import Job as Job
from .api.requests.base import Request as Request
from .api.requests.music import *
from .api.requests.tracks import *
from .api.requests.voices import *
from .api.requests.words import *
from .api.results.base import File as File
from .api.results.base import Result as Result
from .api.results.files import *
from .api.results.music import *
from .api.results.tracks import *
from .api.results.voices import *
from .api.results.words import *
from .api.rules import Rule as Rule
from .api.updates import JobRecord as JobRecord
from .api.updates import Provisional as Provisional
from .api.updates import Source as Source
from .api.updates import Stage as Stage
from .api.updates import Update as Update
from .client import *
from .errors import *
from .files.uploads import Progress as Progress
from .files.uploads import UploadSource as UploadSource
from .files.wanted import Saveable as Saveable
from .http.request_events import OnRequest as OnRequest
from .http.request_events import RequestEvent as RequestEvent
from .http.transport import Download as Download
from .http.transport import Form as Form
from .http.transport import Transport as Transport
from .log import RedactTokens as RedactTokens
from .preview import Preview as Preview
from .status import *
from .stores.base import Store as Store
from .stores.memory import *
from .stores.record import *
from .submissions.codec import job_of as job_of
from .submissions.events import Observer as Observer
from .submissions.housekeeping import OnExpiring as OnExpiring
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
    __all__ = sorted(name for name in vars() if not name.startswith("_") and name != "TYPE_CHECKING")
    __all__ += ["__version__"]
