import signal
import threading

import pytest

from sensorium.training.interrupt import StopRequest


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_noted_and_the_handlers_come_back(number):
    before = signal.getsignal(number)
    with StopRequest() as stop:
        assert stop.signal is None
        signal.raise_signal(number)
        assert stop.signal == number
    assert signal.getsignal(number) is before


@pytest.fixture
def interruptible():
    """Ctrl-C raises, also where a shell has started the tests in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_a_second_signal_is_obeyed():
    with StopRequest() as stop:
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert stop.signal == signal.SIGTERM


def test_a_thread_may_train_too_although_it_cannot_handle_signals():
    noted = []

    def train() -> None:
        with StopRequest() as stop:
            noted.append(stop.signal)

    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    assert noted == [None]
