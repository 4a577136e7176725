"""docs/reference/settings.md names every setting, its variable and its default, and nothing else."""

from coordination.settings import CONFIG_VARIABLE, VARIABLES, Settings
from tests.unit.docs.page import REFERENCE, rows, spans, text_of

PAGE = text_of(REFERENCE / "settings.md")
FOREIGN = "## Variables of other programs"
TABLE = rows(PAGE[: PAGE.index(FOREIGN)])
# Where the default is a folder of this machine, the page describes it in words.
DESCRIBED = {"data_dir"}


def test_every_setting_has_its_row_with_its_variable_in_the_order_of_the_code() -> None:
    documented = [(spans(setting)[0], spans(variable)[0]) for setting, variable, _, _ in TABLE]
    assert documented == list(VARIABLES.items())


def test_every_default_is_the_one_of_the_code() -> None:
    for setting, _, shown, _ in TABLE:
        name = spans(setting)[0]
        if name not in DESCRIBED:
            default = Settings.model_fields[name].default
            assert spans(shown) == ([str(default)] if default not in (None, "", ()) else []), name


def test_every_choice_of_a_setting_is_named() -> None:
    meanings = {spans(row[0])[0]: row[3] for row in TABLE}
    for name in ("log_format", "log_level", "local_token"):
        choices = set(getattr(Settings.model_fields[name].annotation, "__args__"))  # noqa: B009 - of a Literal
        assert choices <= set(spans(meanings[name])), name


def test_the_variable_that_names_the_file_is_described() -> None:
    assert CONFIG_VARIABLE in spans(PAGE)
