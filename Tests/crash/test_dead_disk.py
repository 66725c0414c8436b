"""A disk whose flushes fail for ever: those who wait are answered, nobody is told that something is stored which is not, and
when the disk works again, or the server is started on another one, everything acknowledged is there.

strace is attached to the running server, so that the fault begins and ends in the middle of its life.
"""

import contextlib
import signal
import subprocess
import time

import pytest
from traffic import Publisher, Reader, Traffic, UNDECIDED, create_topics

# The server's own patience is 5 s; the rest is for a busy machine and for strace.
ANSWERED_SECONDS_MAX = 10
RECOVER_SECONDS_MAX = 15


class TimedPublisher(Publisher):
    """Notes how long the longest request took, and when the first refusal came."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.longest = 0
        self.first_refusal = None

    def publish_once(self, client):
        begun = time.monotonic()
        was_answered = super().publish_once(client)
        self.longest = max(self.longest, time.monotonic() - begun)
        if self.refusals and self.first_refusal is None:
            self.first_refusal = time.monotonic()
        return was_answered


@contextlib.contextmanager
def failing_flushes(strace, server):
    """Every fdatasync, fsync and syncfs of the server fails while this lasts."""
    log = server.folder / "strace"
    calls = "fdatasync,fsync,syncfs"
    tracer = subprocess.Popen(
        [strace, "-f", "-qq", "-o", str(log), "-e", f"trace={calls}", "-e", f"inject={calls}:error=EIO",
         "-p", str(server.process.pid)], stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 5
        while not (log.exists() and "INJECTED" in log.read_text(errors="replace")):
            if tracer.poll() is not None:
                pytest.skip(f"strace cannot attach here: {tracer.stderr.read().strip()[-200:]}")
            assert time.monotonic() < deadline, "no flush has failed"
            time.sleep(0.02)
        yield
    finally:
        if tracer.poll() is None:
            # Asked to end, it lets go of the server; killed, it might take the server with it.
            tracer.send_signal(signal.SIGTERM)
            tracer.wait(timeout=10)


@pytest.mark.parametrize("ends_with", ["the disk working again", "a restart"])
def test_flushes_that_fail_for_ever_are_answered(new_server, strace, report, ends_with):
    server = new_server("--journal-size", "32MiB")
    server.start()
    ledger = create_topics(server, segment_bytes=1 << 20)
    publishers = [TimedPublisher(ledger, f"p{number}", seed=number, pause_seconds=0.002) for number in range(6)]
    reader = Reader(ledger, seed=1)
    traffic = Traffic([*publishers, reader]).start(server)
    time.sleep(0.5)
    with failing_flushes(strace, server):
        begun = time.monotonic()
        while not all(publisher.refusals for publisher in publishers):
            assert not traffic.failures and server.is_running, traffic.failures or server.log_tail()
            assert time.monotonic() < begun + ANSWERED_SECONDS_MAX, "a publish is not answered:\n" + server.log_tail(5)
            time.sleep(0.02)
        assert max(publisher.longest for publisher in publishers) < ANSWERED_SECONDS_MAX
        # From now on everything is refused, at once, and reads go on.
        calm, answers = time.monotonic(), reader.answers
        refusals = [len(publisher.refusals) for publisher in publishers]
        time.sleep(1)
        assert reader.answers > answers, "reads are not answered any more"
        for publisher, before in zip(publishers, refusals, strict=True):
            assert len(publisher.refusals) > before, "publishing is not refused at once"
            assert (publisher.last_success or 0) < calm, "something was acknowledged that no flush can have covered"
        if ends_with == "a restart":
            server.kill()
    traffic_ends = time.monotonic() + RECOVER_SECONDS_MAX
    if ends_with != "a restart":
        while not all(publisher.last_success > calm for publisher in publishers):
            assert not traffic.failures and server.is_running, traffic.failures or server.log_tail()
            assert time.monotonic() < traffic_ends, "publishing does not recover:\n" + server.log_tail(5)
            time.sleep(0.05)
        server.kill()
    traffic.join()
    server.start()
    ledger.check_all(server)
    undecided = sum(UNDECIDED in refusal for publisher in publishers for refusal in publisher.refusals)
    report(f"ended by {ends_with}: {undecided} requests undecided, "
           f"the longest took {max(publisher.longest for publisher in publishers):.1f} s; {ledger.summary()}")
