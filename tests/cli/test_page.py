import queue
import socket

from sensorium.cli.page import HOST, free_port, when_up


def test_the_page_is_shown_once_the_server_listens():
    shown: queue.Queue[str] = queue.Queue()
    port = free_port(0)
    thread = when_up(port, shown.put)
    assert shown.empty()
    with socket.create_server((HOST, port)):
        assert shown.get(timeout=10) == f"http://{HOST}:{port}/"
    thread.join(10)


def test_a_port_that_is_taken_is_left_alone():
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        assert free_port(port) != port
    assert free_port(port) == port
