"""Identity: what makes two requests the same, pinned, since images that were paid for depend on it."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batchgen.catalog import Field, load_catalog
from batchgen.config.settings import RunConfig
from batchgen.core.request import SeedSource
from batchgen.planning import make_rules
from batchgen.planning.identity import derived_seed, seed_of_request

PINNED = [("2ae99252a5bd9ad840279a28740acb3e", 7), ("6c9302e044132a720ce3be4844e3ff2f", 2064929064)]
PINNED_IDS = ["27f142d372f228a5", "27f142d372f228a5-2"]


def test_ids_seeds_and_fingerprints_are_pinned(read) -> None:
    """Changing one of these makes every image of every user new."""
    reading = read("id,prompt,seed,aspect_ratio\nfox,a red fox,7,16:9\nowl,an owl,,\n")
    assert [(request.fingerprint, request.seed) for request in reading.requests] == PINNED
    assert [request.row_id for request in read("prompt\na red fox\na red fox\n").requests] == PINNED_IDS


def test_a_model_of_the_same_name_at_another_provider_makes_another_image(read, tmp_path: Path) -> None:
    prints = []
    for provider in ("aimlapi", "fal", "bfl"):
        path = tmp_path / f"{provider}.toml"
        path.write_text(f'name = "m"\nprovider = "{provider}"\n[fields.prompt]\ntype = "string"\n')
        prints.append(fingerprint(read, "", "", of=make_rules(RunConfig(model="m"), load_catalog([path]))))
    assert len(set(prints)) == 3


def fingerprint(read, header: str, row: str, **kwargs) -> str:
    (request,) = read(f"id,prompt{header}\nfox,a red fox{row}\n", **kwargs).requests
    return str(request.fingerprint)


@pytest.mark.parametrize(
    ("header", "row"),
    [
        (",aspect_ratio", ",1:1"),
        (",aspect_ratio", ","),
        (",enhance_prompt,person_generation", ",TRUE,allow_adult"),
        (",num_images", ",1"),
        (",model", ",imagen-3"),
        (",convert_base64_to_url", ",true"),
        (",label", ",autumn"),
    ],
)
def test_what_does_not_change_the_image_does_not_change_the_fingerprint(read, header: str, row: str) -> None:
    assert fingerprint(read, header, row) == fingerprint(read, "", "")


@pytest.mark.parametrize(
    ("header", "row"),
    [
        (",aspect_ratio", ",16:9"),
        (",enhance_prompt", ",false"),
        (",num_images", ",2"),
        (",model", ",imagen-4"),
        (",seed", ",7"),
        (",add_watermark", ",true"),
    ],
)
def test_what_changes_the_image_changes_the_fingerprint(read, header: str, row: str) -> None:
    assert fingerprint(read, header, row) != fingerprint(read, "", "")


def test_neither_transport_nor_written_out_defaults_of_the_configuration_change_the_fingerprint(read, rules) -> None:
    plain = fingerprint(read, "", "")
    assert fingerprint(read, "", "", of=rules(image_transport="url")) == plain
    assert fingerprint(read, "", "", of=rules(aspect_ratio="1:1")) == plain
    assert fingerprint(read, "", "", of=rules(aspect_ratio="4:3")) == fingerprint(read, ",aspect_ratio", ",4:3")


def test_a_field_that_is_added_to_a_model_leaves_old_fingerprints_as_they_are(read, tmp_path: Path) -> None:
    text = 'name = "m"\n[fields.prompt]\ntype = "string"\n'
    readings = []
    for name, fields in (("old", ""), ("new", '[fields.style]\ntype = "string"\ndefault = "plain"\n')):
        path = tmp_path / f"{name}.toml"
        path.write_text(text + fields)
        readings.append(fingerprint(read, "", "", of=make_rules(RunConfig(model="m"), load_catalog([path]))))
    assert readings[0] == readings[1]


def test_the_order_of_rows_and_columns_does_not_matter(read) -> None:
    first = read("id,prompt,seed\na,x,1\nb,y,2\n")
    second = read("seed,prompt,id\n3,z,c\n2,y,b\n1,x,a\n")
    assert {request.fingerprint for request in first.requests} < {request.fingerprint for request in second.requests}


def test_seven_is_one_seed_in_csv_parquet_and_pandas(read, tmp_path: Path) -> None:
    columns = {"id": ["fox"], "prompt": ["a red fox"]}
    wanted = fingerprint(read, ",seed", ",7")
    for number, seed in enumerate((7, 7.0, "7", "007")):
        path = tmp_path / f"{number}.parquet"
        pq.write_table(pa.table({**columns, "seed": [seed]}), path)
        frame = pd.DataFrame({**columns, "seed": [seed]})
        assert [read(source).requests[0].fingerprint for source in (path, frame)] == [wanted, wanted]


def test_rows_without_an_id_get_one_from_their_content_and_equal_rows_a_counter(read) -> None:
    fox, owl, fox_again = (request.row_id for request in read("prompt\nfox\nowl\nfox\n").requests)
    assert fox_again == f"{fox}-2"
    assert {request.row_id for request in read("prompt,label\nowl,new\nfox,new\n").requests} == {fox, owl}


def test_a_row_of_more_images_than_a_call_gives_becomes_several_calls(read) -> None:
    requests = read("id,prompt,num_images,seed\nfox,a red fox,10,4294967294\n").requests
    assert [(request.request_number, request.num_images, request.seed) for request in requests] == [
        (0, 4, 4294967294),
        (1, 4, 4294967295),
        (2, 2, 0),
    ]
    assert len({request.fingerprint for request in requests}) == 3
    assert [request.params["num_images"] for request in requests] == [4, 4, 2]
    assert requests[2].price_usd == pytest.approx(0.08)


def test_more_images_for_a_row_leave_its_full_calls_what_they_are(read) -> None:
    six = read("id,prompt,num_images\nfox,a red fox,6\n").requests
    nine = read("id,prompt,num_images\nfox,a red fox,9\n").requests
    assert [request.fingerprint for request in nine][:1] == [request.fingerprint for request in six][:1]
    assert nine[0].seed == six[0].seed


def test_a_seed_is_the_manifests_or_derived_or_none(read) -> None:
    reading = read(
        "id,prompt,seed,add_watermark,model\na,x,5,,\nb,x,,,\nc,x,5,true,\nd,x,,,google/gemini-2.5-flash-image\n"
    )
    assert [request.seed_source for request in reading.requests] == [
        SeedSource.MANIFEST,
        SeedSource.DERIVED,
        SeedSource.NONE,
        SeedSource.NONE,
    ]
    assert [request.seed is None for request in reading.requests] == [False, False, True, True]


def test_a_seed_is_sent_as_it_is_however_large_where_a_model_has_no_bound(read, tmp_path: Path) -> None:
    path = tmp_path / "m.toml"
    fields = '[fields.prompt]\ntype = "string"\n[fields.seed]\ntype = "integer"\nmin = 1\n'
    path.write_text(f'name = "m"\n{fields}')
    of = make_rules(RunConfig(model="m"), load_catalog([path]))
    for seed in (1, 2**32, 2**53 + 1, 3544609846964942300, 2**63 - 1):
        assert [one.seed for one in read(f"prompt,seed\na,{seed}\n", of=of).requests] == [seed]
        assert [one.seed for one in read(pd.DataFrame({"prompt": ["a"], "seed": [seed]}), of=of).requests] == [seed]
    (said,) = read(f"prompt,seed\na,{2**63}\n", of=of).said
    assert f"E051 seed {2**63} is too large; a dataset holds at most {2**63 - 1}" in said
    row = read(f"prompt,seed,num_images\na,{2**63 - 1},2\n", of=of)
    assert [one.seed for one in row.requests] == [2**63 - 1, 1], "from the largest back to the smallest"


def test_a_derived_seed_belongs_to_the_row_id_alone(read) -> None:
    (first,) = read("id,prompt\nfox,a red fox\n").requests
    (second,) = read("prompt,aspect_ratio,id\na grey fox,16:9,fox\n").requests
    assert first.seed == second.seed


@given(row_id=st.text(max_size=30), low=st.integers(0, 1000), span=st.integers(1, 2**32), number=st.integers(0, 250))
@settings(max_examples=100)
def test_every_seed_is_one_that_the_field_takes(row_id: str, low: int, span: int, number: int) -> None:
    field = Field(type="integer", min=low, max=low + span - 1)
    assert field.accepts(seed_of_request(derived_seed(row_id, field), number, field))


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=40).filter(str.strip)


@given(prompts=st.lists(CELL, min_size=1, max_size=8, unique=True))
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_csv_parquet_and_pandas_give_the_same_requests(read, tmp_path: Path, prompts: list[str]) -> None:
    frame = pd.DataFrame({"prompt": prompts})
    frame.to_csv(tmp_path / "m.csv", index=False, quoting=csv.QUOTE_ALL)
    frame.to_parquet(tmp_path / "m.parquet")
    wanted = [request.fingerprint for request in read(frame).requests]
    assert len(set(wanted)) == len(prompts)
    for name in ("m.csv", "m.parquet"):
        requests = read(tmp_path / name).requests
        assert [request.prompt for request in requests] == prompts
        assert [request.fingerprint for request in requests] == wanted


def test_a_wrong_row_is_known_again_wherever_it_stands(read) -> None:
    first = read('id,prompt,seed\na,x,abc\nb\nc,"y"z,1\n').invalid
    second = read('id,prompt,seed\nnew,fine,1\nc,"y"z,1\nb\na,x,abc\n').invalid
    assert [row.fingerprint for row in first] == [row.fingerprint for row in reversed(second)]
    assert len({row.fingerprint for row in first}) == 3
