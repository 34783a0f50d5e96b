"""Who may ask for what, and what a refusal looks like."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from support.daemon import ADMIN_TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

READ_TOKEN = "read-token-of-the-tests"
GUARDED = (("GET", "/health"), ("POST", "/sync"), ("POST", "/projects"))


async def test_without_admin_token_the_routes_answer_503_and_name_the_setting(site: Callable[..., Any]) -> None:
    async with site(admin_token=None) as at:
        for method, path in GUARDED:
            for token in (None, "", READ_TOKEN, "None"):
                (await at.ask(method, path, token=token)).problem(503, "ADMIN_TOKEN")
        for path in ("/livez", "/metrics"):
            assert (await at.ask("GET", path, token=None)).status == 200


async def test_an_empty_token_file_lets_nobody_in(
    site: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").write_text("\n")
    monkeypatch.setenv("READ_TOKEN_FILE", str(tmp_path / "empty"))
    async with site(read_token="") as at:
        for given in ("Bearer ", "Bearer", "Bearer  ", ""):
            answer = await at.ask("GET", "/health", token=None, headers={"Authorization": given})
            answer.problem(401)
    async with site(admin_token="") as at:
        (await at.ask("GET", "/health", token=None, headers={"Authorization": "Bearer "})).problem(503, "ADMIN_TOKEN")


async def test_a_wrong_token_gets_401_with_a_challenge(site: Callable[..., Any]) -> None:
    wrong = ("Bearer wrong", f"Basic {ADMIN_TOKEN}", ADMIN_TOKEN, f"Bearer {ADMIN_TOKEN}x", "Bearer ключ")
    async with site() as at:
        for method, path in GUARDED:
            answer = await at.ask(method, path, token=None)
            answer.problem(401, "Bearer")
            assert answer.headers["WWW-Authenticate"] == "Bearer"
        for header in wrong:
            (await at.ask("GET", "/health", token=None, headers={"Authorization": header})).problem(401)


async def test_bytes_that_are_no_text_in_the_header_get_401(site: Callable[..., Any]) -> None:
    async with site() as at:
        host, port = at.daemon.http.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer \xff\xfe\r\n\r\n")
        assert (await reader.readline()).split()[1] == b"401"
        writer.close()
        await writer.wait_closed()


async def test_the_read_token_only_reads(site: Callable[..., Any], world: Any) -> None:
    async with site() as at:
        assert (await at.ask("GET", "/health", token=READ_TOKEN)).status == 200
        for path in ("/sync", "/projects"):
            answer = await at.post(path, {"stream_id": world.project_id}, token=READ_TOKEN)
            answer.problem(403, "ADMIN_TOKEN")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nothing", 404), ("POST", "/%00%ff", 404), ("DELETE", "/sync", 405), ("POST", "/livez", 405)],
)
async def test_unknown_routes_and_methods_are_problems_too(
    site: Callable[..., Any], method: str, path: str, status: int
) -> None:
    async with site() as at:
        answer = await at.ask(method, path)
        answer.problem(status)
        assert ("Allow" in answer.headers) == (status == 405)
