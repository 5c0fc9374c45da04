"""`examples/celery_tasks.py` with messages in a folder, so that no broker is needed."""

from importlib import import_module
from typing import Any

from .celery_folder import use

tasks: Any = import_module("examples.celery_tasks")  # Celery has no types
app: Any = tasks.app
use(app)
