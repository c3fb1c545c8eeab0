"""Which addresses links may lead to."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchgen.providers.http.ssrf import is_private, is_public
from batchgen.providers.http.url import parse_http_url

PUBLIC = ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"]
PRIVATE = ["127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "192.168.1.1", "::1", "fd00::1", "::ffff:10.0.0.1",
           "64:ff9b::7f00:1", "2002:7f00:1::"]  # fmt: skip
NEVER = ["169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::", "fe80::1",
         "fe80::1%eth0", "0.0.0.0", "::", "224.0.0.1", "ff02::1", "240.0.0.1", "255.255.255.255",  # noqa: S104
         "100.64.0.1", "fec0::1"]  # fmt: skip


@pytest.mark.parametrize("host", PUBLIC)
def test_an_address_of_the_internet_is_public(host: str) -> None:
    assert is_public(host)
    assert not is_private(host)


@pytest.mark.parametrize("host", PRIVATE)
def test_an_address_of_this_machine_or_network_is_private(host: str) -> None:
    assert is_private(host)
    assert not is_public(host)


@pytest.mark.parametrize("host", NEVER)
def test_other_addresses_are_neither(host: str) -> None:
    assert not is_private(host)
    assert not is_public(host)


_HOSTS = st.text(st.sampled_from("xn-a9.:[]%@\u3002\xdf\u0663\ud800 "), max_size=20)


@settings(max_examples=500, deadline=None)
@given(_HOSTS | st.builds("xn--{}".format, _HOSTS))
def test_a_url_that_is_taken_has_a_host_that_can_be_read(host: str) -> None:
    try:
        url = parse_http_url(f"http://{host}/1.png")
    except ValueError:
        return
    assert url.host


@settings(max_examples=200, deadline=None)
@given(st.ip_addresses())
def test_no_address_is_both(address) -> None:
    assert not (is_public(str(address)) and is_private(str(address)))


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=80), st.text(max_size=60).map("http://{}".format)))
def test_any_text_is_a_url_with_a_host_or_refused_with_a_reason(text: str) -> None:
    try:
        url = parse_http_url(text)
    except ValueError as problem:
        reason = str(problem)
    else:
        reason = f"leads to {url.host}" if url.host and url.scheme in ("http", "https") else ""
    assert reason
