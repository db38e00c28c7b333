"""The command line: one file for each verb, which parses and prints and does nothing else.

What a verb does is in `sensorium.verbs`, imported when the verb runs, so that `--help` is quick.
"""

import io
import sys

import typer

from sensorium.cli.check import check
from sensorium.cli.compare import compare
from sensorium.cli.demo import demo
from sensorium.cli.evaluate import evaluate
from sensorium.cli.export import export
from sensorium.cli.finetune import finetune
from sensorium.cli.index import index
from sensorium.cli.memory import keep_freed_memory
from sensorium.cli.predict import predict
from sensorium.cli.pretrain import pretrain
from sensorium.cli.runs import runs
from sensorium.cli.search import search
from sensorium.cli.serve import serve
from sensorium.cli.world import world
from sensorium.errors import SensoriumError

app = typer.Typer(
    help="One recipe for the whole life of a multimodal model.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for verb in (
    *(demo, world, check, pretrain, finetune, compare),
    *(evaluate, predict, index, search, serve, export, runs),
):
    app.command()(verb)


def main() -> None:
    """Run the verb. A user's mistake is one message and exit status 1, never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A file's name may hold what UTF-8 has not; told as JSON escapes it.
            stream.reconfigure(errors="backslashreplace")
    keep_freed_memory()
    try:
        app()
    except SensoriumError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
