"""What every test of graphs needs."""

import jaxtyping
import pytest


@pytest.fixture(autouse=True)
def shapes_of_graphs_are_no_numbers():
    """Checks of shapes at run time would tie a graph to the sizes that it is traced with."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
