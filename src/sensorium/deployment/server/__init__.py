"""A trained run behind HTTP: requests in, answers out, within limits that a client cannot pass.

connection (protocol) -> request (gate) -> body (bodies, inputs) -> rows decoded in threads (desk)
    -> rows of many requests through the model together (batcher) -> JSON
"""

from importlib.util import find_spec

from sensorium.errors import MissingDependencyError

PACKAGES = ("fastapi", "multipart", "prometheus_client", "uvicorn")

_missing = [name for name in PACKAGES if find_spec(name) is None]
if _missing:
    raise MissingDependencyError(
        f"to serve needs {', '.join(_missing)}, which is not installed; install it by: "
        "pip install 'sensorium[serve]'"
    )
