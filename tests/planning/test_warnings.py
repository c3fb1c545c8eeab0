"""Warnings: worth knowing before money is spent, and they stop nothing."""

from __future__ import annotations

import pytest
from support.checking import beside_retirement

from batchgen.planning.columns import is_one_typo


def test_a_column_one_typo_away_from_a_field_is_pointed_out_and_passed_through(read) -> None:
    reading = read("prompt,aspect_raito,promt,label\na,16:9,x,y\n")
    assert reading.said == [
        ":1:2 warning W001 column 'aspect_raito' is passed through to the index; did you mean the field 'aspect_ratio'?"
    ]
    assert reading.requests[0].params["aspect_ratio"] == "1:1"


@pytest.mark.parametrize(
    ("name", "is_typo"),
    [
        ("aspect_ratio", True),
        ("aspect_rati", True),
        ("aspect_ratioo", True),
        ("aspect_rstio", True),
        ("aspcet_ratio", True),
        ("spect_ratio", True),
        ("Aspect Ratio", True),
        (" aspect-ratio ", True),
        ("ratio", False),
        ("aspcet_raito", False),
        ("", False),
    ],
)
def test_one_slip_is_a_typo_and_two_are_another_word(name: str, is_typo: bool) -> None:
    assert is_one_typo(name, "aspect_ratio") is is_typo


def test_a_field_of_other_models_is_pointed_out(read, rules) -> None:
    reading = read("prompt,seed\na,7\n", rules(model="google/gemini-2.5-flash-image"))
    assert reading.codes == ["W002"]
    said = ":1:2 warning W002 seed: no field of google/gemini-2.5-flash-image; passed through as a label"
    assert reading.said == [said]


def test_with_a_model_column_only_rows_whose_model_lacks_the_field_are_pointed_out(read) -> None:
    reading = read("prompt,model,enhance_prompt\na,imagen-3,false\nb,google/gemini-2.5-flash-image,false\n")
    assert [problem.code for problem in reading.problems] == ["W002"]
    assert reading.said[0].startswith(":3:33 warning W002 enhance_prompt: no field of google/gemini-2.5-flash-image;")


def test_a_field_of_some_models_is_said_once_for_each_that_lacks_it_and_stays_a_label(read) -> None:
    reading = read("prompt,model,style\n" + "a,imagen-3,bold\n" * 50 + "b,recraft-v3,any\nc,imagen-4,\n")
    said = [problem for problem in reading.problems if problem.code == "W002"]
    assert [(problem.line, problem.message) for problem in said] == [
        (2, "style: no field of imagen-3.0-generate-002; passed through as a label")
    ]
    (asked,) = [request for request in reading.requests if request.model == "recraft-v3"]
    assert asked.params["style"] == "any"


def test_the_service_s_own_word_for_a_field_is_pointed_out(read, rules) -> None:
    reading = read("prompt,image_size\na,square\n", rules(model="flux-2"))
    (said,) = reading.said
    assert said.startswith(":1:2 warning W001 column 'image_size' is passed through to the index; ")
    assert said.endswith("; blackforestlabs/flux-2 has it as the field 'size'")


def test_a_seed_without_effect_is_pointed_out(read) -> None:
    reading = read("prompt,seed,add_watermark\na,7,true\nb,7,false\nc,,true\n")
    assert reading.codes == ["W003"]
    assert "the seed 7 has no effect: add_watermark is true" in reading.said[0]


def test_thirty_words_with_enhancement_on_are_pointed_out(read) -> None:
    thirty, twenty_nine, lines = "word " * 30, "word " * 29, "w\n" * 30
    reading = read(f'prompt,enhance_prompt\n{thirty},\n{twenty_nine},\n{thirty},false\n"{lines}",true\n')
    assert [(problem.code, problem.line) for problem in reading.problems] == [("W004", 2), ("W004", 5)]


@pytest.mark.parametrize("ids", [("", ""), ("one,", "two,")])
def test_two_rows_that_ask_for_the_very_same_image_are_pointed_out(read, ids: tuple[str, str]) -> None:
    header = "id,prompt,seed,aspect_ratio" if ids[0] else "prompt,seed,aspect_ratio"
    reading = read(f"{header}\n{ids[0]}a,7,1:1\n{ids[1]}a,7,\n")
    assert [(problem.code, problem.line) for problem in reading.problems] == [("W005", 3)]
    assert "the very same image as line 2" in reading.said[0]
    assert len({request.fingerprint for request in reading.requests}) == 2


def test_equal_prompts_with_seeds_of_their_own_are_two_images(read) -> None:
    reading = read("id,prompt,seed\n1,a,\n2,a,\n3,a,5\n4,a,6\n5,b,5\n")
    assert reading.problems == []
    assert len({request.seed for request in reading.requests[:2]}) == 2


def test_a_control_character_is_pointed_out_and_sent(read) -> None:
    reading = read("prompt\nbell \x07 rings\n")
    assert reading.said == [
        ":2:1 warning W006 the prompt has the control character U+0007 at character 6; it is sent as it is"
    ]
    assert reading.requests[0].prompt == "bell \x07 rings"


def test_a_prompt_that_programs_write_for_nothing_is_pointed_out(read) -> None:
    reading = read("id,prompt\n1,nan\n2,#REF!\n3,None of the above\n4,[object Object]\n")
    assert [(problem.code, problem.line) for problem in reading.problems] == [("W009", 2), ("W009", 3), ("W009", 5)]
    assert len(reading.requests) == 4


@pytest.mark.parametrize(
    ("prompt", "found"),
    [
        ("a {red|blue} fox", "{red|blue}"),
        ("a {colour} fox", "{colour}"),
        ("a __colour__ fox", "__colour__"),
        ("a fox { and a hare", ""),
        ("json {1: 2}", ""),
        ("snake__case and __ too", ""),
        ("a set {1, 2, 3}", ""),
    ],
)
def test_what_other_tools_fill_in_is_pointed_out_and_sent(read, prompt: str, found: str) -> None:
    reading = read(f'prompt\n"{prompt}"\n')
    said = [problem for problem in reading.problems if problem.code == "W013"]
    assert [found in problem.message for problem in said] == ([True] if found else [])
    assert reading.requests[0].prompt == prompt


def test_a_quote_that_swallowed_rows_is_pointed_out(read) -> None:
    reading = read('prompt\tlabel\na fox\t1\n"the wave\t2\nan owl\t3\nthe end"\t4\na crow\t5\n')
    assert [(problem.code, problem.line) for problem in reading.problems if problem.code != "W008"] == [("W010", 3)]
    assert "seems to hold 3 rows" in reading.said[-1]


def test_a_whole_number_as_pandas_writes_it_is_one(read) -> None:
    assert [request.seed for request in read("id,prompt,seed\n1,a,7.0\n2,b,7\n").requests] == [7, 7]


def test_defaults_of_the_configuration_are_checked_once(rules) -> None:
    of = rules(prompt="x", aspct="1:1", aspect_ratio="2:1", convert_base64_to_url=True, seed=-1, num_images=5000)
    assert [str(problem).split(";")[0] for problem in beside_retirement(of.problems)] == [
        "configuration error E060 defaults.prompt: prompt can have no default",
        "configuration error E060 defaults.aspct: no model has a field of this name",
        "configuration error E052 defaults.aspect_ratio: aspect_ratio '2:1' is not allowed",
        "configuration error E060 defaults.convert_base64_to_url: set `image_transport` instead",
        "configuration error E051 defaults.seed: seed -1 is too small",
        "configuration error E051 defaults.num_images: num_images 5000 is too large",
    ]
    assert of.defaults == {}
    assert [problem.code for problem in rules(model="gemini-2.5-flash-image", seed=7).problems] == ["W002"]
