"""`examples/celery_tasks.py` with messages in a folder, so that no broker is needed."""

import os
from importlib import import_module
from typing import Any

tasks: Any = import_module("examples.celery_tasks")  # Celery has no types
app: Any = tasks.app
folder = os.environ["CELERY_FOLDER"]
app.conf.broker_url = "filesystem://"
app.conf.result_backend = f"file://{folder}/results"
app.conf.broker_transport_options = {
    "data_folder_in": f"{folder}/messages",
    "data_folder_out": f"{folder}/messages",
    "control_folder": f"{folder}/control",
}
