"""The private names of uvicorn that app.server relies on. A failure here means: adapt app/server to the new version."""

import inspect
import re
import tomllib

import uvicorn
from uvicorn import Config, Server
from uvicorn.lifespan.on import LifespanOn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState
from uvicorn.supervisors import ChangeReload, Multiprocess, multiprocess
from uvicorn.supervisors.basereload import BaseReload

from app.config import BACKEND


def test_installed_version_is_within_the_pin() -> None:
    project = tomllib.loads((BACKEND / "pyproject.toml").read_text())["project"]
    [requirement] = [line for line in project["dependencies"] if line.startswith("uvicorn")]
    pin = re.fullmatch(r"uvicorn>=0\.(\d+),<0\.(\d+)", requirement)
    assert pin, requirement
    assert int(pin[2]) == int(pin[1]) + 1, "one minor version"
    assert uvicorn.__version__.split(".")[:2] == ["0", pin[1]]


def test_server_has_the_state_that_graceful_shutdown_uses() -> None:
    server = Server(Config("app.main:create_app", factory=True, log_config=None))
    assert server._captured_signals == []
    assert (server.should_exit, server.force_exit, server.started) == (False, False, False)
    assert ServerState().tasks == set()
    assert "self.servers" in inspect.getsource(Server.startup)
    assert "self.lifespan = " in inspect.getsource(Server._serve)
    assert LifespanOn(server.config).state == {}
    for hook in (Server.startup, Server.shutdown, Server.on_tick, LifespanOn.shutdown):
        assert inspect.iscoroutinefunction(hook)
    assert list(inspect.signature(Server.handle_exit).parameters) == ["self", "sig", "frame"]


def test_shutdown_order_is_the_one_that_graceful_shutdown_extends() -> None:
    source = inspect.getsource(Server.shutdown)
    steps = ["server.close()", "connection.shutdown()", "_wait_tasks_to_complete()", "t.cancel(", "lifespan.shutdown()"]
    positions = [source.index(step) for step in steps]
    assert positions == sorted(positions)


def test_protocols_take_the_arguments_for_accepted_connections() -> None:
    parameters = inspect.signature(HttpToolsProtocol).parameters
    assert list(parameters)[:3] == ["config", "server_state", "app_state"]
    assert all(parameter.default is not parameter.empty for parameter in list(parameters.values())[3:])


def test_protocol_has_the_state_that_half_closed_connections_use() -> None:
    protocol = set(re.findall(r"self\.(\w+)(?:: .+)? = ", inspect.getsource(HttpToolsProtocol.__init__)))
    assert {"loop", "transport", "pipeline", "cycle"} <= protocol
    cycle = set(re.findall(r"self\.(\w+)(?:: .+)? = ", inspect.getsource(RequestResponseCycle.__init__)))
    assert {"scope", "keep_alive", "more_body", "response_started", "response_complete"} <= cycle
    assert "if not self.keep_alive:" in inspect.getsource(RequestResponseCycle.send)


def test_protocol_calls_the_methods_that_rejections_override() -> None:
    source = inspect.getsource(HttpToolsProtocol)
    assert "except httptools.HttpParserError:" in source
    assert "self.send_400_response(msg)" in inspect.getsource(HttpToolsProtocol.data_received)
    assert "on_response=self.on_response_complete" in source
    assert "self.pipeline.appendleft((self.cycle, app))" in source
    assert "self.pipeline.pop()" in inspect.getsource(HttpToolsProtocol.on_response_complete)
    assert ServerState().default_headers == []
    assert {"client", "server_state"} <= set(re.findall(r"self\.(\w+)(?:: .+)? = ", source))


def test_supervisors_look_up_the_names_that_are_replaced() -> None:
    assert "= Process(" in inspect.getsource(Multiprocess.init_processes)
    assert "= Process(" in inspect.getsource(Multiprocess.keep_subprocess_alive)
    assert "process.is_alive(timeout=" in inspect.getsource(Multiprocess.keep_subprocess_alive)
    assert "self.parent_conn.recv()" in inspect.getsource(multiprocess.Process._healthcheck)
    assert isinstance(inspect.getattr_static(multiprocess.Process, "server"), property)
    assert {"self.config", "self._server", "self.process"} <= set(
        re.findall(r"self\.\w+", inspect.getsource(multiprocess.Process.__init__))
    )
    run = inspect.getsource(Multiprocess.run)
    assert run.index("self.terminate_all()") < run.index("self.join_all()")
    assert "timeout_worker_healthcheck" in inspect.signature(Config).parameters
    assert issubclass(ChangeReload, BaseReload)
