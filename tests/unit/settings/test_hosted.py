"""Settings of the hosted mode: what it needs, what it allows, and which of its values are never shown."""

import pytest

from coordination.settings import InvalidSetting, examine, load

DATABASE = {"DATABASE_URL": "postgresql://u:p@127.0.0.1/name"}
HOSTED = {**DATABASE, "COORDINATION_MODE": "hosted"}


def test_hosted_serves_every_address() -> None:
    assert load({**HOSTED, "HOST": "0.0.0.0"}).host == "0.0.0.0"  # noqa: S104 - what is tested


def test_hosted_needs_a_database_of_its_own() -> None:
    with pytest.raises(
        InvalidSetting, match=r"^COORDINATION_MODE: the hosted mode needs a database.*DATABASE_URL"
    ):
        load({"COORDINATION_MODE": "hosted"})


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"COORDINATION_MODE": "hosted"}, "COORDINATION_MODE: the hosted mode needs"),
        ({"COORDINATION_MODE": "cloud"}, "COORDINATION_MODE: write 'local' or 'hosted'."),
        ({**HOSTED, "DATABASE_URL": "mysql://u@h/n"}, "DATABASE_URL: write it as"),
    ],
)
def test_what_an_unusable_setting_would_have_allowed_falls_with_it_and_is_not_blamed(
    given: dict[str, str], wrong: str
) -> None:
    read = examine({**given, "HOST": "0.0.0.0"})  # noqa: S104 - what is tested
    [problem] = read.problems
    assert problem.says.startswith(wrong)
    assert (read.settings.mode, read.settings.host) == ("local", "127.0.0.1")


def test_render_says_the_public_address_by_itself_and_ours_counts_more() -> None:
    render = {"RENDER_EXTERNAL_URL": "https://team.onrender.com"}
    assert load(render).public_url == "https://team.onrender.com"
    assert load(render).origin("public_url") == "RENDER_EXTERNAL_URL"
    ours = {**render, "COORDINATION_PUBLIC_URL": "https://coordination.example.com/"}
    assert load(ours).public_url == "https://coordination.example.com"


def test_lists_are_read_with_commas_between_what_they_list() -> None:
    chosen = load(
        {
            "COORDINATION_CORS_ORIGINS": "https://a.example.com, http://localhost:3000",
            "COORDINATION_TRUSTED_PROXIES": "10.0.0.0/8,127.0.0.1",
        }
    )
    assert chosen.cors_origins == ("https://a.example.com", "http://localhost:3000")
    assert chosen.trusted_proxies == ("10.0.0.0/8", "127.0.0.1/32")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("COORDINATION_MODE", "cloud"),
        ("COORDINATION_PUBLIC_URL", "http://coordination.example.com"),
        ("COORDINATION_PUBLIC_URL", "https://coordination.example.com/prefix"),
        ("COORDINATION_PUBLIC_URL", "https://user@coordination.example.com"),
        ("COORDINATION_CORS_ORIGINS", "*"),
        ("COORDINATION_CORS_ORIGINS", "https://a.example.com,b.example.com"),
        ("COORDINATION_TRUSTED_PROXIES", "everybody"),
        ("COORDINATION_TRUSTED_PROXIES", "10.0.0.1/8"),
        ("SUPABASE_URL", "http://ref.supabase.co"),
    ],
)
def test_unusable_values_are_refused(variable: str, value: str) -> None:
    with pytest.raises(InvalidSetting, match=f"^{variable}: "):
        load({variable: value})


def test_a_short_bootstrap_token_is_refused_and_not_repeated() -> None:
    read = examine({"COORDINATION_BOOTSTRAP_TOKEN": "hunter2"})
    (problem,) = read.problems
    assert "32 to 256 characters" in problem.says
    assert "hunter2" not in f"{problem}{read.settings!r}"


def test_platforms_say_how_many_processes_serve_and_ours_counts_more() -> None:
    assert load({}).workers == 1
    assert load({"WEB_CONCURRENCY": "4"}).workers == 4
    assert load({"WEB_CONCURRENCY": "4", "COORDINATION_WORKERS": "2"}).workers == 2
    with pytest.raises(InvalidSetting, match=r"^WEB_CONCURRENCY: write a whole number from 1 to 32"):
        load({"WEB_CONCURRENCY": "0"})
