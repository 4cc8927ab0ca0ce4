"""The processes that handle requests, as their supervisor sees them."""

from uvicorn import Config

from app.server.workers import WorkerProcess


def test_early_ping_is_answered_without_a_second_server() -> None:
    """The main thread is about to create the server; the readiness of another one would never change."""
    worker = WorkerProcess(Config("app.main:create_app", factory=True, log_config=None), [])
    worker.parent_conn.send(b"ping")
    worker.pong()
    assert (worker.parent_conn.recv(), worker._server) == (False, None)
