"""Settings: names, defaults, where values come from, and what is refused in which words."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from speckle2pg.errors import ConfigurationError
from speckle2pg.settings import Settings

SECRET = "hunter2-of-the-tests"

DEFAULTS: dict[str, Any] = {
    "SPECKLE_SERVER_URL": None,
    "SPECKLE_PUBLIC_URL": None,
    "SPECKLE_TOKEN": None,
    "DATABASE_URL": None,
    "MIGRATE_DATABASE_URL": None,
    "DATABASE_DIRECT_URL": None,
    "DB_SCHEMA": "public",
    "DB_POOL_MIN": 1,
    "DB_POOL_MAX": 10,
    "HTTP_HOST": "127.0.0.1",
    "HTTP_PORT": 8090,
    "ADMIN_TOKEN": None,
    "READ_TOKEN": None,
    "JWT_SECRET": None,
    "WEBHOOK_SECRET": None,
    "WEBHOOK_ALLOW_UNSIGNED": False,
    "WEBHOOK_MAX_BYTES": 1048576,
    "PUBLIC_URL": None,
    "USE_WEBHOOK": True,
    "USE_SUBSCRIPTION": True,
    "RECONCILE_INTERVAL": 300.0,
    "SYNC_CONCURRENCY": 4,
    "MAILBOX_SIZE": 64,
    "PROJECTS_PER_SOCKET": 500,
    "SPECKLE_REQUESTS_PER_SECOND": 10.0,
    "LEASE_TTL": 10.0,
    "LAG_SLO": 60.0,
    "HOLD_REMOVED_SHARE": 0.5,
    "HOLD_MIN_ELEMENTS": 20,
    "HOLD_REMOVED_WITH_STATUS": 0,
    "HISTORY": True,
    "HISTORY_KEEP_DAYS": 0,
    "EVENTS_KEEP_DAYS": 30,
    "PROJECT_METRICS_LIMIT": 1000,
    "ALLOW_ORIGINS": [],
    "LOG_FORMAT": None,
    "LOG_LEVEL": "INFO",
    "SHUTDOWN_TIMEOUT": 30.0,
    "MIGRATE_ON_START": True,
    "TAKEOVER_TIMEZONE": "UTC",
    "NOTIFY_URLS": [],
    "NOTIFY_SECRET": None,
    "NOTIFY_FORMAT": "json",
    "DISPLAY_TIMEZONE": "UTC",
}
"""The design's settings and their defaults; DATA_DIR depends on the user and is tested by itself."""

# A value other than the default for each setting, as it stands in the environment, and what it becomes.
OTHERS: dict[str, tuple[str, Any]] = {
    "SPECKLE_SERVER_URL": ("https://speckle.example/", "https://speckle.example"),
    "SPECKLE_PUBLIC_URL": ("https://public.example", "https://public.example"),
    "PUBLIC_URL": ("https://me.example/speckle2pg/", "https://me.example/speckle2pg"),
    "DATABASE_URL": ("postgresql://a:b%40c@h:5433/d", SecretStr("postgresql://a:b%40c@h:5433/d")),
    "MIGRATE_DATABASE_URL": ("postgres:///d?host=/run", SecretStr("postgres:///d?host=/run")),
    "DATABASE_DIRECT_URL": ("postgresql://h1:1,h2:2/d", SecretStr("postgresql://h1:1,h2:2/d")),
    "DB_SCHEMA": ("speckle_2", "speckle_2"),
    "DATA_DIR": ("/srv/данные", Path("/srv/данные")),
    "HTTP_HOST": ("::", "::"),
    "HOLD_REMOVED_SHARE": ("1", 1.0),
    "ALLOW_ORIGINS": ("https://a.example, https://b.example,", ["https://a.example", "https://b.example"]),
    "NOTIFY_URLS": ("https://a.example/x/", ["https://a.example/x/"]),
    "NOTIFY_FORMAT": ("text", "text"),
    "LOG_FORMAT": ("json", "json"),
    "LOG_LEVEL": ("debug", "DEBUG"),
    "DISPLAY_TIMEZONE": ("Asia/Almaty", "Asia/Almaty"),
    "TAKEOVER_TIMEZONE": ("Europe/Berlin", "Europe/Berlin"),
}


def other(name: str) -> tuple[str, Any]:
    """A value that differs from the default."""
    if name in OTHERS:
        return OTHERS[name]
    default = DEFAULTS[name]
    if default is None:
        return SECRET, SecretStr(SECRET)
    if isinstance(default, bool):
        return str(not default).lower(), not default
    return str(default + 3), default + 3


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the developer's, and an empty working folder."""
    for name in list(os.environ):
        if name.removesuffix("_FILE") in (*DEFAULTS, "DATA_DIR"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def faults(**overrides: Any) -> list[str]:
    """The faults that loading reports."""
    with pytest.raises(ConfigurationError) as caught:
        Settings.load(**overrides)
    return str(caught.value).splitlines()


def test_every_setting_of_the_design_exists_with_its_default_and_no_other() -> None:
    settings = Settings.load()
    found = {name.upper(): getattr(settings, name) for name in Settings.model_fields}
    assert found.pop("DATA_DIR").is_absolute()
    assert found == DEFAULTS


@pytest.mark.skipif(os.geteuid() != 0, reason="the default folder of root")
def test_the_data_of_root_lie_where_another_user_may_enter() -> None:
    assert Settings.load().data_dir == Path("/var/lib/speckle2pg")


@pytest.mark.parametrize("name", [*DEFAULTS, "DATA_DIR"])
def test_a_setting_is_read_from_environment_dotenv_and_file(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    written, expected = other(name)
    field = name.lower()
    (tmp_path / "value").write_text(written + "\r\n", encoding="utf-8")
    (tmp_path / ".env").write_text(f"{name}={written}\n", encoding="utf-8")
    assert getattr(Settings.load(), field) == expected, "from .env"
    (tmp_path / ".env").write_text(f"{name}_FILE={tmp_path / 'value'}\n", encoding="utf-8")
    assert getattr(Settings.load(), field) == expected, "from a file that .env names"
    (tmp_path / ".env").unlink()
    monkeypatch.setenv(name, written)
    assert getattr(Settings.load(), field) == expected, "from the environment"
    monkeypatch.delenv(name)
    monkeypatch.setenv(f"{name}_FILE", str(tmp_path / "value"))
    assert getattr(Settings.load(), field) == expected, "from the file"


@pytest.mark.parametrize("name", [*DEFAULTS, "DATA_DIR"])
def test_an_unreadable_file_is_named_with_its_setting(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(f"{name}_FILE", str(tmp_path / "absent"))
    (fault,) = faults()
    assert fault.startswith(f"{name}: {name}_FILE cannot be read: {tmp_path / 'absent'}: No such file")


def test_a_folder_or_binary_data_in_place_of_a_file_is_a_fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    monkeypatch.setenv("SPECKLE_TOKEN_FILE", str(tmp_path))
    monkeypatch.setenv("ADMIN_TOKEN_FILE", str(tmp_path / "binary"))
    assert len(faults()) == 2


@pytest.mark.parametrize("name", [*DEFAULTS, "DATA_DIR"])
def test_an_empty_value_means_unset(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    default = getattr(Settings.load(), name.lower())
    monkeypatch.setenv(name, "")
    monkeypatch.setenv(f"{name}_FILE", "")
    assert getattr(Settings.load(), name.lower()) == default
    (tmp_path / "empty").write_text("\n", encoding="utf-8")
    monkeypatch.setenv(f"{name}_FILE", str(tmp_path / "empty"))
    assert getattr(Settings.load(), name.lower()) == default


def test_the_environment_wins_over_dotenv_and_a_file_over_both(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("HTTP_PORT=1\n", encoding="utf-8")
    monkeypatch.setenv("HTTP_PORT", "2")
    assert Settings.load().http_port == 2
    (tmp_path / "port").write_text("3", encoding="utf-8")
    monkeypatch.setenv("HTTP_PORT_FILE", str(tmp_path / "port"))
    assert Settings.load().http_port == 3


def test_all_faults_are_reported_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    wrong = {
        "SPECKLE_SERVER_URL": "speckle.example",
        "DATABASE_URL": f"mysql://me:{SECRET}@h/d",
        "DB_SCHEMA": "My Schema",
        "DB_POOL_MIN": "20",
        "HTTP_PORT": "70000",
        "RECONCILE_INTERVAL": "soon",
        "HOLD_REMOVED_SHARE": "0",
        "LOG_LEVEL": "loud",
        "DISPLAY_TIMEZONE": "Mars/Olympus",
        "USE_WEBHOOK": "perhaps",
        "NOTIFY_URLS": "https://good.example,bad.example",
        "DB_POOL_MAX": "10",
    }
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SPECKLE_TOKEN_FILE", str(tmp_path / "absent"))
    found = faults()
    assert sorted(fault.partition(":")[0] for fault in found) == sorted(
        {*wrong, "SPECKLE_TOKEN"} - {"DB_POOL_MIN"}  # the larger minimum is DB_POOL_MAX's fault
    )
    assert SECRET not in "\n".join(found)


@pytest.mark.parametrize("text", ["300", "300s", " 300 s ", "300.0", "3e2"])
def test_durations_are_seconds(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECONCILE_INTERVAL", text)
    assert Settings.load().reconcile_interval == 300.0


@pytest.mark.parametrize("text", ["0", "-1", "inf", "nan", "5 minutes", "s"])
def test_what_is_no_duration_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECONCILE_INTERVAL", text)
    (fault,) = faults()
    assert fault.startswith("RECONCILE_INTERVAL: ")


@pytest.mark.parametrize(
    "name", ["Speckle", "my schema", "2pg", "a-b", 'a"b', "схема", "a" * 64, "user", "order", "pg_mine", "a.b"]
)
def test_a_schema_name_that_needs_quotes_or_is_taken_is_refused(name: str) -> None:
    (fault,) = faults(db_schema=name)
    assert fault.startswith(f"DB_SCHEMA: cannot be {name!r}")


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://me:{SECRET}/x@h/d",
        f"postgresql://me:12/{SECRET}@h/d",
        f"postgresql://me:{SECRET}@x@h/d",
        f"postgresql://me:{SECRET}#x@h/d",
        f"postgresql://me:{SECRET}?x@h/d",
        f"postgresql://me:{SECRET} x@h/d",
        f"postgresql://me:{SECRET}@h:port/d",
        f"host=h password={SECRET}",
    ],
)
def test_a_database_address_that_would_be_split_wrongly_is_refused_without_its_password(url: str) -> None:
    (fault,) = faults(database_url=url)
    assert fault.startswith("DATABASE_URL: ")
    assert SECRET not in fault


@pytest.mark.parametrize("url", ["http://", "ftp://h", "http://h:99999", "http://h h", "https:///x"])
def test_what_is_no_web_address_is_refused(url: str) -> None:
    (fault,) = faults(speckle_server_url=url)
    assert fault.startswith("SPECKLE_SERVER_URL: must be an address")


def test_a_dotenv_file_that_is_no_text_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"SPECKLE_TOKEN=\xff\xfe\n")
    (fault,) = faults()
    assert fault.startswith(".env cannot be read")


def test_no_secret_appears_in_any_form_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    secret_names = [
        name for name, value in DEFAULTS.items() if value is None and name not in OTHERS and name != "LOG_FORMAT"
    ]
    assert len(secret_names) == 6
    for name in secret_names:
        monkeypatch.setenv(name, f"{SECRET}-{name}")
    for name in ("DATABASE_URL", "MIGRATE_DATABASE_URL", "DATABASE_DIRECT_URL"):
        monkeypatch.setenv(name, f"postgresql://me:{SECRET}@h/d")
    settings = Settings.load()
    shown = [repr(settings), str(settings), f"{settings}", settings.model_dump_json(), str(settings.model_dump())]
    assert not [text for text in shown if SECRET in text]
    assert sorted(settings.secrets()) == sorted(f"{SECRET}-{name}" for name in secret_names)


def test_a_fault_in_a_secret_shows_it_in_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"mysql://me:{SECRET}@h/d")
    with pytest.raises(ConfigurationError) as caught:
        Settings.load()
    chain: BaseException | None = caught.value
    while chain is not None:
        assert not re.search(SECRET, str(chain))
        chain = chain.__cause__ or chain.__context__


def test_links_use_the_public_address_where_one_is_given() -> None:
    assert Settings.load(speckle_server_url="http://inner:3000").link_url == "http://inner:3000"
    both = Settings.load(speckle_server_url="http://inner:3000", speckle_public_url="https://outer.example")
    assert both.link_url == "https://outer.example"
