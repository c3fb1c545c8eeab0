"""What the catalog promises: shipped files that agree with themselves, frozen defaults, errors with a place."""

from __future__ import annotations

from pathlib import Path

import pytest

from batchgen.catalog import Field, load_catalog
from batchgen.core.errors import CatalogError

PROMPT = '[fields.prompt]\ntype = "string"\n'


def write_model(folder: Path, text: str) -> Path:
    path = folder / "model.toml"
    path.write_text(text)
    return path


def test_an_alias_leads_to_the_model() -> None:
    catalog = load_catalog()
    assert catalog.find("imagen-4") is catalog.find("google/imagen-4.0-generate-001")


@pytest.mark.parametrize("name", ["imagen-3.0-generate-002", "imagen-3", "google/imagen-4.0-generate-001"])
def test_a_model_is_found_with_its_provider_in_front(name: str) -> None:
    catalog = load_catalog()
    assert catalog.find(f"aimlapi/{name}") is catalog.find(name)
    with pytest.raises(CatalogError, match="unknown model 'fal/"):
        catalog.find(f"fal/{name}")
    with pytest.raises(CatalogError, match=r"did you mean aimlapi/imagen-3.0-generate-002 or "):
        catalog.find("aimlapi/imagen-3.0-generate-02")


def test_two_providers_may_have_a_model_of_one_name_and_the_user_says_which(tmp_path: Path) -> None:
    path = write_model(
        tmp_path, f'name = "imagen-3.0-generate-002"\nprovider = "fal"\naliases = ["imagen-3"]\n{PROMPT}'
    )
    catalog = load_catalog([path])
    assert catalog.find("fal/imagen-3").provider == "fal"
    assert catalog.find("aimlapi/imagen-3").provider == "aimlapi"
    with pytest.raises(CatalogError, match=r"write aimlapi/imagen-3 or fal/imagen-3$"):
        catalog.find("imagen-3")


def test_a_provider_in_front_means_its_own_model_where_another_one_has_the_whole_name(tmp_path: Path) -> None:
    path = write_model(tmp_path, f'name = "openai/gpt-image-2"\n{PROMPT}')
    catalog = load_catalog([path])
    own, resold = catalog.find("openai/gpt-image-2"), catalog.find("aimlapi/openai/gpt-image-2")
    assert (own.key, resold.key) == (("openai", "gpt-image-2"), ("aimlapi", "openai/gpt-image-2"))
    assert catalog.of_provider("aimlapi", "openai/gpt-image-2") is resold
    assert [catalog.find(catalog.written(model)).key for model in catalog.models] == [m.key for m in catalog.models]
    assert (catalog.written(own), catalog.written(resold)) == ("gpt-image-2", "aimlapi/openai/gpt-image-2")


def test_a_file_that_names_no_provider_describes_a_model_of_the_default_one(tmp_path: Path) -> None:
    assert load_catalog([write_model(tmp_path, f'name = "x"\n{PROMPT}')]).find("x").provider == "aimlapi"


def test_an_unknown_model_is_answered_with_the_nearest_names() -> None:
    with pytest.raises(
        CatalogError, match=r"unknown model 'imagen-3.0-generate-02'; did you mean imagen-3.0-generate-002 or "
    ):
        load_catalog().find("imagen-3.0-generate-02")
    with pytest.raises(CatalogError, match=r"`batchgen models` lists the \d+ that there are"):
        load_catalog().find("zzzzzz")


def test_a_file_of_the_user_adds_a_model_with_other_fields(tmp_path: Path) -> None:
    text = (
        'name = "flux"\n[fields.prompt]\ntype = "string"\n[fields.guidance_scale]\ntype = "number"\nmin = 1\nmax = 20\n'
    )
    model = load_catalog([write_model(tmp_path, text)]).find("flux")
    assert (model.takes_seed, model.images_per_call, model.transport) == (False, 1, None)


def test_a_file_of_the_user_replaces_a_shipped_model(tmp_path: Path) -> None:
    path = write_model(tmp_path, 'name = "imagen-3.0-generate-002"\n[fields.prompt]\ntype = "string"\nmax_length = 9\n')
    assert load_catalog([path]).find("imagen-3.0-generate-002").fields["prompt"].max_length == 9


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = ", ":1:6: is not valid TOML"),
        (f'name = "x"\nprise = 1\n{PROMPT}', "prise: no key has this name; did you mean price?"),
        (f'name = "x"\n{PROMPT}maxx = 3\n', "fields.prompt.maxx: no key has this name; did you mean max?"),
        (
            'name = "x"\n[fields.prompt]\ntype = "text"\n',
            "fields.prompt.type: must be one of boolean, integer, json, list, number, size, string, not 'text'",
        ),
        (f"name = 3\n{PROMPT}", "name: must be text, not 3"),
        ('name = "x"\n[fields]\n', "fields.prompt: every model needs this field"),
        (f'name = " "\n{PROMPT}', "name: must be printable"),
        (PROMPT, "name: is missing; write text"),
        ('name = "x"\n', "fields: is missing; write a table"),
        ('name = "x"\nfields = 3\n', "fields: must be a table, not 3"),
        ('name = "x"\n[fields]\nprompt = "string"\n', "fields.prompt: must be a table, not 'string'"),
        (f'name = "x"\naliases = "y"\n{PROMPT}', "aliases: must be a list, not 'y'"),
        (f'name = "x"\naliases = ["y", 3]\n{PROMPT}', "aliases: must be text, not 3"),
        (f'name = "x"\nprovider = "a/b"\n{PROMPT}', "provider: must have letters, digits, - and _ only"),
        (f'name = "x"\n{PROMPT}min = true\n', "fields.prompt.min: must be a number or a whole number, not True"),
        (f'name = "x"\n{PROMPT}max_length = 1.5\n', "fields.prompt.max_length: must be a whole number, not 1.5"),
        (f'name = "x"\n{PROMPT}values = [1979-05-27]\n', "fields.prompt.values: must be a number or a whole number or"),
        (f'name = "x"\n{PROMPT}[sizes]\n"1:1" = [8]\n', "sizes.1:1: must be a list of 2 whole numbers, not [8]"),
        (f'name = "x"\n{PROMPT}[sizes]\n"1:1" = [8, "9"]\n', "sizes.1:1: must be a whole number, not '9'"),
        (f'name = "x"\n{PROMPT}[price]\nusd_per_image = "1"\nsource = "s"\n', "price.date: is missing; write a date"),
        (f'name = "x"\nzzzz = 1\n{PROMPT}', "zzzz: no key has this name; known are name, fields, provider, aliases"),
        (f'name = "x"\n{PROMPT}[fields.id]\ntype = "string"\n', "fields.id: this name belongs to the manifest"),
        (f'name = "x"\n{PROMPT}[fields.seed]\ntype = "string"\n', "fields.seed.type: must be"),
        (f'name = "x"\n{PROMPT}[fields.num_images]\ntype = "integer"\n', "fields.num_images: needs min = 1"),
        (f'name = "x"\n{PROMPT}[fields.s]\ntype = "integer"\nmin = 3\nmax = 2\n', "fields.s.min: is larger"),
        (f'name = "x"\n{PROMPT}[fields.s]\ntype = "string"\nmin = 3\n', "only numbers have bounds"),
        (f'name = "x"\n{PROMPT}[fields.s]\ntype = "boolean"\nmax_length = 3\n', "only strings have a length"),
        (
            f'name = "x"\n{PROMPT}[fields.s]\ntype = "string"\nvalues = [1]\n',
            "fields.s.values: 1 is not a valid string",
        ),
        (f'name = "x"\n{PROMPT}[fields.s]\ntype = "integer"\nmax = 3\ndefault = 4\n', "fields.s.default: 4"),
        (f'name = "x"\nseed_disabled_by = "off"\n{PROMPT}', "seed_disabled_by: 'off' is not a boolean field"),
        (f'name = "x"\n{PROMPT}[sizes]\n"1:1" = [8, 8]\n', "sizes.'1:1': is not a value"),
        (f'name = "x"\n{PROMPT}[price]\nusd_per_image = -1\ndate = 2026-01-01\nsource = "s"\n', "price.usd_per_image"),
        (
            f'name = "x"\n{PROMPT}[fields.t]\ntype = "boolean"\ntransport = {{ link = "a", base64 = false }}\n',
            "fields.t.transport: 'a'",
        ),
        (f'name = "x"\naliases = ["imagen-3"]\n{PROMPT}', "aliases: 'imagen-3' already stands for imagen-3.0"),
    ],
)
def test_a_wrong_file_is_refused_with_its_name_and_key(tmp_path: Path, text: str, message: str) -> None:
    path = write_model(tmp_path, text)
    with pytest.raises(CatalogError) as caught:
        load_catalog([path])
    assert str(path) in str(caught.value)
    assert message in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"gone\.toml: cannot be read"):
        load_catalog([tmp_path / "gone.toml"])


@pytest.mark.parametrize(
    ("field", "value", "accepted"),
    [
        (Field(type="integer", min=0, max=3), 3, True),
        (Field(type="integer", min=0, max=3), 4, False),
        (Field(type="integer"), True, False),
        (Field(type="integer"), 1.0, False),
        (Field(type="number"), float("nan"), False),
        (Field(type="number"), float("inf"), False),
        (Field(type="number"), 1, True),
        (Field(type="boolean"), 1, False),
        (Field(type="string", values=("a",)), "b", False),
        (Field(type="string", max_length=2), "abc", False),
    ],
)
def test_a_field_accepts_what_the_model_takes(field: Field, value: str | float | bool, accepted: bool) -> None:
    assert field.accepts(value) is accepted


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        ({"a": "size.width", "b": "size.width"}, "fields.b.path: size.width is in the way of the field a"),
        ({"a": "size", "b": "size.width"}, "fields.b.path: size.width is in the way of the field a"),
        ({"a": "b", "b": None}, "fields.b.path: b is in the way of the field a"),
        ({"a": "size..width", "b": None}, "fields.a.path: must be keys joined by dots, not 'size..width'"),
    ],
)
def test_a_path_that_cannot_be_written_is_refused_with_its_field(
    tmp_path: Path, paths: dict[str, str | None], message: str
) -> None:
    fields = "".join(
        f'[fields.{name}]\ntype = "integer"\n' + (f'path = "{path}"\n' if path else "") for name, path in paths.items()
    )
    path = write_model(tmp_path, f'name = "m"\n{PROMPT}{fields}')
    with pytest.raises(CatalogError) as raised:
        load_catalog([path])
    assert str(raised.value) == f"{path}: {message}"
