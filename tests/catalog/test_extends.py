"""What `extends` promises: what a catalog file does not state comes from the model it names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from batchgen.catalog import Field, load_catalog
from batchgen.core.errors import CatalogError

WriteModel = Callable[[str, str], Path]

BASE = """
name = "base"
provider = "fal"
aliases = ["b"]
seed_disabled_by = "mark"

[price]
usd_per_image = 0.5
date = 2026-01-01
source = "a list"

[fields.prompt]
type = "string"
max_length = 100

[fields.mark]
type = "boolean"
default = false

[fields.steps]
type = "integer"
min = 1
max = 9
default = 4
"""


@pytest.fixture
def write(tmp_path: Path) -> WriteModel:
    def write(name: str, text: str) -> Path:
        path = tmp_path / f"{name}.toml"
        path.write_text(text)
        return path

    return write


def refusal(*files: Path) -> str:
    with pytest.raises(CatalogError) as caught:
        load_catalog(files)
    return str(caught.value)


def test_everything_that_is_not_stated_comes_from_the_extended_model(write: WriteModel) -> None:
    catalog = load_catalog([write("base", BASE), write("pro", 'name = "pro"\nextends = "base"\n')])
    base, pro = catalog.find("base"), catalog.find("fal/pro")
    assert (pro.provider, pro.price, pro.seed_disabled_by, pro.fields) == ("fal", base.price, "mark", base.fields)
    assert list(pro.fields) == list(base.fields)


def test_aliases_stay_with_their_own_model(write: WriteModel) -> None:
    catalog = load_catalog([write("base", BASE), write("pro", 'name = "pro"\nextends = "base"\naliases = ["p"]\n')])
    assert (catalog.find("b").name, catalog.find("p").name) == ("base", "pro")


def test_a_field_that_is_stated_replaces_the_whole_field_and_no_other(write: WriteModel) -> None:
    text = (
        'name = "pro"\nextends = "base"\n[fields.steps]\ntype = "integer"\nmax = 50\n[fields.scale]\ntype = "number"\n'
    )
    base, pro = (load_catalog([write("base", BASE), write("pro", text)]).find(name) for name in ("base", "pro"))
    assert pro.fields["steps"] == Field(type="integer", max=50)
    assert list(pro.fields) == ["prompt", "mark", "steps", "scale"]
    assert base.fields["steps"].default == 4


def test_a_model_is_extended_by_alias_and_by_provider_too_and_over_several_files(write: WriteModel) -> None:
    files = [
        write("c", 'name = "c"\nextends = "fal/base"\n[price]\nusd_per_image = 1\ndate = 2026-01-01\nsource = "s"\n'),
        write("d", 'name = "d"\nextends = "c"\n'),
        write("base", BASE),
        write("e", 'name = "e"\nextends = "b"\n'),
    ]
    catalog = load_catalog(files)
    prices = {name: price.usd_per_image for name in "cde" if (price := catalog.find(name).price)}
    assert prices == {"c": 1, "d": 1, "e": 0.5}


def test_a_file_extends_the_shipped_model_that_it_replaces(write: WriteModel) -> None:
    text = 'name = "imagen-3.0-generate-002"\nextends = "imagen-3"\n[fields.prompt]\ntype = "string"\nmax_length = 9\n'
    catalog = load_catalog([write("mine", text)])
    model = catalog.find("imagen-3.0-generate-002")
    assert (model.fields["prompt"].max_length, model.fields["seed"].max) == (9, 4294967295)
    assert catalog.find("imagen-4-fast").fields["prompt"].max_length == 400


def test_a_shipped_model_that_is_replaced_still_serves_those_that_extend_it(write: WriteModel) -> None:
    text = 'name = "google/imagen-4.0-generate-001"\n[fields.prompt]\ntype = "string"\n'
    catalog = load_catalog([write("mine", text)])
    assert "seed" not in catalog.find("google/imagen-4.0-generate-001").fields
    assert "seed" in catalog.find("imagen-4-fast").fields


def test_a_cycle_is_refused_and_shown(write: WriteModel) -> None:
    a, b = write("a", 'name = "a"\nextends = "b"\n'), write("b", 'name = "b"\nextends = "a"\n')
    assert refusal(a, b) == f"{a}: extends: a model cannot extend itself (a -> b -> a)"
    alone = write("alone", 'name = "alone"\nextends = "alone"\n')
    assert refusal(alone) == f"{alone}: extends: a model cannot extend itself (alone -> alone)"


def test_a_long_chain_is_followed(write: WriteModel) -> None:
    files = [write("base", BASE)]
    files += [write(f"m{number}", f'name = "m{number}"\nextends = "m{number + 1}"\n') for number in range(300)]
    files.append(write("m300", 'name = "m300"\nextends = "base"\n'))
    assert load_catalog(files).find("m0").fields["steps"].max == 9


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            'name = "x"\nextends = "bose"\n',
            "extends: no catalog file has a model of the name 'bose'; did you mean base?",
        ),
        ('name = "x"\nextends = 3\n', "extends: must be the name of a model, as text"),
        ('name = "x"\nextend = "base"\n', "extend: no key has this name; did you mean extends?"),
        ('name = "x"\nextends = "base"\nprise = 3\n', "prise: no key has this name; did you mean price?"),
        ('extends = "base"\n', "name: is missing; write text"),
        ('name = "x"\nextends = "base"\nfields = 3\n', "fields: must be a table, not 3"),
        ('name = "x"\nextends = "base"\nseed_disabled_by = "m"\n', "seed_disabled_by: 'm' is not a boolean field"),
    ],
)
def test_a_mistake_is_said_with_file_and_key(text: str, message: str, write: WriteModel) -> None:
    file = write("x", text)
    assert f"{file}: {message}" in refusal(write("base", BASE), file)


def test_a_mistake_of_the_extended_model_is_said_with_its_own_file(write: WriteModel) -> None:
    base = write("base", BASE.replace("max = 9", "max = 0"))
    assert refusal(write("x", 'name = "x"\nextends = "base"\n'), base).startswith(
        f"{base}: fields.steps.min: is larger"
    )


def test_a_file_that_no_text_can_be_read_from_is_named(tmp_path: Path, write: WriteModel) -> None:
    (tmp_path / "latin.toml").write_bytes(b'name = "\xff"')
    assert refusal(tmp_path / "latin.toml") == f"{tmp_path}/latin.toml: is not UTF-8: byte 8 is wrong"
    assert "more than 1048576 bytes" in refusal(Path("/dev/zero"))
    assert "cannot be read" in refusal(tmp_path)
    assert "NUL" in refusal(Path("a\0b"))
