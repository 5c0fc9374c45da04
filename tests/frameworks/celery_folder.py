"""A broker of Celery that is a folder, so that no server is needed."""

import os
from importlib import import_module
from typing import Any

Folder: Any = import_module("kombu.transport.filesystem").Transport  # it has no types


class Transport(Folder):  # type: ignore[misc]
    """Kombu's, for a worker that is busy or stopped, and never long idle."""

    polling_interval = 0.05

    def drain_events(self, connection: Any, timeout: float | None = None) -> None:
        """Wait for a message. A worker heeds signals between two of these, else every two seconds."""
        Folder.drain_events(self, connection, timeout and min(timeout, 0.1))


def use(app: Any) -> None:
    """Have an application keep messages and results in $CELERY_FOLDER."""
    folder = os.environ["CELERY_FOLDER"]
    import_module("kombu.transport").TRANSPORT_ALIASES["folder"] = f"{__name__}:Transport"
    app.conf.broker_url = "folder://"
    app.conf.result_backend = f"file://{folder}/results"
    app.conf.broker_transport_options = {
        "data_folder_in": f"{folder}/messages",
        "data_folder_out": f"{folder}/messages",
        "control_folder": f"{folder}/control",
    }
