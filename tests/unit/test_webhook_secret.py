"""What callers have to know: how it is written down, and how it is changed."""

from typing import Any

import pytest

from chalicelib.core.errors import ConfigurationError
from chalicelib.webhook_secret import Kind, Shared, WebhookSecret, begun, cancelled, finished

OLD, NEW, KEY = "old-token-0123456789", "new-token-0123456789", "api-key-0123456789"
PLAIN: dict[str, Any] = {"tokens": [OLD], "api_keys": [KEY]}
AT, SPELT = 1_795_496_767.0, "2026-11-24T05:06:07+00:00"
DATED = {"secret": NEW, "created_at": SPELT}


def test_a_secret_without_ages_is_read() -> None:
    """As it was before there were any; without keys for signatures."""
    assert WebhookSecret.of(PLAIN, "webhooks") == WebhookSecret((Shared(OLD),), (Shared(KEY),))


def test_a_secret_with_ages_is_read() -> None:
    """Each kind by itself, the newest last."""
    content = {"tokens": [OLD, DATED], "api_keys": [DATED], "hmac_keys": [DATED]}
    secret = WebhookSecret.of(content, "webhooks")
    new = Shared(NEW, AT)
    assert [secret.all_of(kind) for kind in Kind] == [(Shared(OLD), new), (new,), (new,)]


@pytest.mark.parametrize(
    "tokens",
    [
        None,
        OLD,
        [],
        ["short"],
        [7],
        [OLD, ""],
        [{"secret": "short", "created_at": SPELT}],
        [{"secret": 7, "created_at": SPELT}],
        [{"created_at": SPELT}],
        [{"secret": NEW}],
        [{"secret": NEW, "created_at": "noon"}],
        [{"secret": NEW, "created_at": 7}],
        [{"secret": NEW, "created_at": "2026-11-24T05:06:07"}],
    ],
)
def test_a_malformed_list_is_told(tokens: object) -> None:
    """A short token can be guessed. The text names the member, and never shows what is in it."""
    with pytest.raises(ConfigurationError) as caught:
        WebhookSecret.of({**PLAIN, "tokens": tokens}, "twin/webhooks")
    [line] = str(caught.value).splitlines()
    assert line.startswith("the secret twin/webhooks: the member tokens is ")
    assert NEW not in line


def test_keys_for_signatures_are_optional_but_never_malformed() -> None:
    """An empty list is as good as none."""
    assert WebhookSecret.of({**PLAIN, "hmac_keys": []}, "webhooks").hmac_keys == ()
    with pytest.raises(ConfigurationError, match="hmac_keys is not valid"):
        WebhookSecret.of({**PLAIN, "hmac_keys": ["short"]}, "webhooks")


def test_no_secret_is_shown() -> None:
    """One that gets into a log or a traceback by accident shows nothing."""
    assert OLD not in repr(WebhookSecret.of(PLAIN, "webhooks"))


@pytest.mark.parametrize("kind", list(Kind))
def test_a_change_begins_with_two_and_ends_with_the_new_one(kind: Kind) -> None:
    """What else is in the secret stays as it is."""
    before = {**PLAIN, "hmac_keys": [OLD], "note": "of the admin"}
    both = begun(before, kind, NEW, AT + 0.9)
    assert both == {**before, kind.member: [*before[kind.member], DATED]}
    WebhookSecret.of(both, "webhooks")
    assert finished(both, kind) == {**before, kind.member: [DATED]}
    assert cancelled(both, kind) == before


def test_the_first_key_for_signatures_has_none_beside_it() -> None:
    """There is nothing to be replaced."""
    assert begun(PLAIN, Kind.HMAC, NEW, AT) == {**PLAIN, "hmac_keys": [DATED]}


def test_never_more_than_two_and_never_none() -> None:
    """The remedy is in the text."""
    both = begun(PLAIN, Kind.TOKEN, NEW, AT)
    with pytest.raises(ConfigurationError, match="--finish drops the old one, --cancel the new one"):
        begun(both, Kind.TOKEN, NEW, AT)
    for change in (finished, cancelled):
        with pytest.raises(ConfigurationError, match="no token is being changed: there is 1"):
            change(PLAIN, Kind.TOKEN)
        with pytest.raises(ConfigurationError, match="no hmac is being changed: there is none"):
            change(PLAIN, Kind.HMAC)
