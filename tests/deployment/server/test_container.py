"""What the files for containers say is there: the verb, its options, the address of health."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import typer
import yaml

from sensorium.cli import app
from sensorium.deployment.server.limits import Limits

ROOT = Path(__file__).parents[3]
DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
SERVICE = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["sensorium"]


def instructions(name: str) -> list[str]:
    return re.findall(rf"^{name}\s+(.+)$", DOCKERFILE, re.MULTILINE)


def listed(instruction: str) -> list[str]:
    """The JSON list at the end of an instruction."""
    found: list[str] = json.loads(instruction[instruction.index("[") :])
    return found


def test_what_starts_is_a_verb_with_options_that_it_has():
    program, verb, *options = listed(*instructions("ENTRYPOINT"))
    assert program == "sensorium"
    command = typer.main.get_command(app).commands[verb]
    context = command.make_context(verb, [*options, str(ROOT)], resilient_parsing=True)
    assert (context.params["host"], context.params["port"]) == ("0.0.0.0", 8000)
    assert instructions("EXPOSE") == ["8000"]
    assert listed(*[one for one in instructions("CMD") if "models" in one]) == SERVICE["command"]


def test_health_is_asked_where_it_is_told(server):
    (said,) = instructions("HEALTHCHECK")
    python, *rest = listed(said)
    assert python == "python"
    for port, healthy in ((server.port, True), (1, False)):
        asked = [part.replace(":8000/", f":{port}/") for part in rest]
        assert asked != rest
        ended = subprocess.run([sys.executable, *asked], capture_output=True, check=False)
        assert (ended.returncode == 0) == healthy


def test_the_image_is_built_from_files_that_are_there_and_not_ignored():
    kept = (ROOT / ".dockerignore").read_text().splitlines()
    for copied in instructions("COPY"):
        if not copied.startswith("--from"):
            for source in shlex.split(copied)[:-1]:
                assert (ROOT / source).exists()
                assert f"!{source}" in kept


def test_it_runs_without_rights_and_ends_in_its_own_time():
    assert instructions("USER") == ["10001:10001"]
    assert SERVICE["read_only"] is True
    assert SERVICE["cap_drop"] == ["ALL"]
    assert int(SERVICE["stop_grace_period"].rstrip("s")) > Limits().drain_seconds
    (volume,), (port,) = SERVICE["volumes"], SERVICE["ports"]
    assert volume.endswith(f"{SERVICE['command'][0]}:ro")
    assert port == "127.0.0.1:8000:8000"
