"""The signature of a webhook: the specification's own vector, and secrets that are none."""

import pytest

from grace.errors import BadInput
from grace.signature import key_of, sign

# as published with the reference libraries of Standard Webhooks
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'


def test_the_published_vector():
    """Id, time and body under the secret give this signature and no other."""
    assert sign(key_of(SECRET), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, BODY) == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_everything_that_is_signed_counts():
    """Another id, second, body or key is another signature."""
    key = key_of(SECRET)
    variants = [
        sign(key, "a", 1, b"{}"),
        sign(key, "b", 1, b"{}"),
        sign(key, "a", 2, b"{}"),
        sign(key, "a", 1, b"[]"),
        sign(b"x" * 24, "a", 1, b"{}"),
    ]
    assert len({each["webhook-signature"] for each in variants}) == len(variants)


def test_an_id_with_a_full_stop_is_refused():
    """`a.1` at 2 and `a` at `1.2` would be signed alike."""
    with pytest.raises(ValueError, match="full stop"):
        sign(key_of(SECRET), "a.1", 2, b"{}")


@pytest.mark.parametrize(
    "secret", ["whsec_not base64!", "whsec_c2hvcnQ=", "", "whsec_" + "A" * 200]
)
def test_a_secret_that_is_none_is_one_line_without_it(secret):
    with pytest.raises(BadInput, match="the webhook's secret") as caught:
        key_of(secret)
    assert secret.removeprefix("whsec_")[:12] not in str(caught.value) or not secret
