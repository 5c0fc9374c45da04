"""The public names of requests, results, gateways and errors: what defining and checking a request needs.

Names are taken as in `suno_async.public`, which adds the client and all that waits or sends.
"""

# ruff: noqa: F403  the `__all__` of each module says what it offers
from typing import TYPE_CHECKING

from ..errors import *
from .limits import *
from .models import Model as Model
from .providers import APIKLEY as APIKLEY
from .providers import KIE as KIE
from .providers import KIE_JOBS as KIE_JOBS
from .providers import KIE_LEGACY as KIE_LEGACY
from .providers import SUNOAPI as SUNOAPI
from .providers import Provider as Provider
from .requests.account import *
from .requests.base import FROM_TRACK as FROM_TRACK
from .requests.base import Call as Call
from .requests.base import FromSource as FromSource
from .requests.base import Job as Job
from .requests.base import Request as Request
from .requests.music import *
from .requests.tracks import *
from .requests.voices import *
from .requests.words import *
from .results.base import File as File
from .results.base import Result as Result
from .results.files import *
from .results.music import *
from .results.tracks import *
from .results.voices import *
from .results.words import *
from .rules import Rule as Rule
from .updates import JobRecord as JobRecord
from .updates import Provisional as Provisional
from .updates import Source as Source
from .updates import Stage as Stage
from .updates import Update as Update

if not TYPE_CHECKING:  # type checkers read lists of literals only
    __all__ = [name for name in vars() if name[0] not in "_@" and name != "TYPE_CHECKING"]  # @: pytest's
